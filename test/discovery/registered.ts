// A process that registers itself, with the options of its argument, and lives until it is killed.
import { register } from '../../src/discovery/index.js'

await register(JSON.parse(process.argv[2]!))
setInterval(() => {}, 1000)
