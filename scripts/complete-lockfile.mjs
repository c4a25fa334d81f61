// To be run after `npm install PACKAGE`: adds what npm may have left out of package-lock.json.
import { completeLockfile } from './lib/lockfile.mjs'

console.log(`package-lock.json: ${completeLockfile()} entries added`)
