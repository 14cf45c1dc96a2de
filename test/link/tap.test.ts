import { inPen } from '../live/pen.ts'

await inPen(import.meta.filename, () => import('./tap.ts'))
