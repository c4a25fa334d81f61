// Makes a namespace with a process in it, says so, and then ends as it is told: for test/netns/kit.test.ts.

import { Namespace } from '../../examples/netns/index.js'

const namespace = await Namespace.create('mess')
namespace.spawn('sleep', ['5'], { stdio: 'ignore' })
console.log(namespace.name)

switch (process.argv[2]) {
  case 'throw':
    throw new Error('on purpose')
  case 'exit':
    process.exit()
    break
  case 'wait':
    setInterval(() => {}, 1000)
}
