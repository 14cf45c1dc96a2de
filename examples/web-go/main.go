// A web function in Go: an HTTP server of the standard library.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "Hello from Go on a unikernel!")
	})
	log.Fatal(http.ListenAndServe(":"+port, nil))
}
