// Prints what the doctor says, as JSON: for tests that run it as another user, or without the tools that it asks.

import { checkHost } from 'udp-dsr/dsr'

console.log(JSON.stringify(await checkHost(JSON.parse(process.argv[2]!))))
