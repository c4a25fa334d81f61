// The data plane through require(): what the package brings is loaded into the kernel and run on a packet; nothing is attached.
const { edgeObject, loadObject } = require('udp-dsr/bpf')
const { Forwarder } = require('udp-dsr/forwarder')

const codeOf = (options) =>
  Forwarder.attach(options).then(
    () => 'attached',
    ({ code }) => code,
  )
async function main() {
  const result = {
    none: await codeOf({ interface: 'none0' }),
    wrong: await codeOf({ interface: 'none0', mod: 'native' }),
  }
  try {
    const { programs, close } = loadObject(edgeObject)
    const frame = new Uint8Array(64).fill(7)
    result.verdict = programs.edge.testRun({ data: frame }).verdict
    close()
  } catch ({ code }) {
    result.verdict = code
  }
  console.log(JSON.stringify(result))
}

main()
