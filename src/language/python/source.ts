/**
 * What a Python file seems to do, by its text: good enough to guess what a folder is for when nobody says so, and for a
 * hint in an error. Nothing is run, and nothing depends on a guess that ufr.json cannot overrule.
 */

/** What AWS's examples and people call handlers. */
export const handlerNames = ['lambda_handler', 'handler']

/** Whether a module defines something by a name at its top level. */
export function definesName(text: string, name: string): boolean {
  const word = name.replace(/\W/g, '\\$&')
  const forms = [
    `^(?:async[ \\t]+)?def[ \\t]+${word}[ \\t]*\\(`,
    `^${word}[ \\t]*(?::[^=\\n]{0,200})?=(?!=)`,
    `^class[ \\t]+${word}\\b`,
    `^from[ \\t]+\\S{1,200}[ \\t]+import[ \\t]+[^\\n]{0,500}\\b${word}\\b`,
  ]
  return forms.some((form) => new RegExp(form, 'm').test(text))
}

/** Whether it opens a server: by Python's own modules, or by what web frameworks call it. */
export function opensServer(text: string): boolean {
  const code = text.replace(/^[ \t]*#.*$/gm, '')
  return /\b(?:HTTPServer|TCPServer|make_server|start_server|run_app|serve_forever|uvicorn\.run|hypercorn|waitress|WSGIServer)\b|\.listen\(|\b(?:app|api|application|server)\.run\(/.test(
    code,
  )
}

/** The modules that it imports, by the names written: `app`, `.views`, `package.part`. */
export function importedModules(text: string): string[] {
  const form = /^[ \t]*(?:from[ \t]+([\w.]{1,200})[ \t]+import\b|import[ \t]+([\w.]{1,200}))/gm
  return [...text.matchAll(form)].map(([, from, plain]) => from ?? plain!)
}

/** An application of a web framework that a module makes at its top level, for a server to run. */
export function webApplication(text: string): { variable: string; framework: string } | undefined {
  const form =
    /^(\w{1,100})[ \t]*(?::[^=\n]{0,200})?=[ \t]*(?:\w{1,100}\.)?(FastAPI|Starlette|Litestar|Quart|Flask)\(/m
  const [, variable, framework] = form.exec(text) ?? []
  return variable !== undefined && framework !== undefined ? { variable, framework } : undefined
}
