import { inPen } from '../pen.ts'

await inPen(import.meta.filename, () => import('./kernels.ts'))
