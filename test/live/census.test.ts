import { inPen } from './pen.ts'

await inPen(import.meta.filename, () => import('./census-cases.ts'))
