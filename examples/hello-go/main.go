// An AWS Lambda handler in Go, with AWS's own aws-lambda-go.
package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct {
	Name string `json:"name"`
}

type greeting struct {
	Message string `json:"message"`
}

func hello(_ context.Context, e event) (greeting, error) {
	if e.Name == "" {
		e.Name = "World"
	}
	return greeting{fmt.Sprintf("Hello, %s!", e.Name)}, nil
}

func main() {
	lambda.Start(hello)
}
