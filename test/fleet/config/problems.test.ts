import { describe, expect, it, test } from 'vitest'
import { ConfigError, type ConfigProblem, parseConfig, readConfig } from '../../../src/fleet/index.js'
import { marked } from './marked.js'

/** What is wrong with a config. */
function problemsOf(read: () => unknown): readonly ConfigProblem[] {
  try {
    read()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  throw new Error('it was read')
}

const SECRET = 'secret = "0123456789abcdef"'
const EDGE = `${SECRET}
[edge]
interface = "eth0"`
const POOL = `[pools.dns]
delivery = "ipip"`
const SERVICE = `[[services]]
name = "dns"
vips = ["198.51.100.2"]
ports = [53, "10000-19999"]
pool = "dns"`
const BACKEND = '[backend]\ninterface = "eth0"'
const REWRITE = '[rewrite]\ninterface = "eth0"'
const ETCD = '[discovery.main]\ntype = "etcd"\nendpoints = ["https://10.0.1.1:2379"]'

/** Title, kind, what the one message says without its place, and the text with « where it is. */
const CASES: [title: string, kind: ConfigProblem['kind'], message: string, text: string][] = [
  ['no TOML', 'syntax', 'is no TOML: Must be a newline', `${EDGE}\nmode = 12«x`],
  ['a key twice', 'syntax', 'is no TOML: Defining a key multiple times', '[edge]\ninterface = "a"\n«interface = "b"'],
  [
    'an unknown section',
    'unknown-key',
    'pool is an unknown key. Did you mean "pools"?',
    '[«pool.dns]\ndelivery = "l2"',
  ],
  ['an unknown key', 'unknown-key', 'edge.quick is an unknown key. Did you mean "quic"?', `${EDGE}\n«quick = true`],
  [
    'a key like no other',
    'unknown-key',
    'edge.colour is an unknown key. Known keys: name, interface, mode',
    `${EDGE}\n«colour = "red"`,
  ],
  [
    'an unknown key of an inline table',
    'unknown-key',
    'edge.limits.slot is an unknown key. Did you mean "slots"?',
    `${EDGE}\nlimits = { «slot = 5 }`,
  ],
  ['an unknown dotted key', 'unknown-key', 'edge.limits.slot is an unknown key', `${EDGE}\nlimits.«slot = 5`],
  [
    'an unknown key of an array of tables',
    'unknown-key',
    'services[1].echos is an unknown key. Did you mean "echo"?',
    `${POOL}\n${SERVICE}\n${SERVICE.replace('"dns"', '"b"').replace('53, "10000-19999"', '54')}\n«echos = true`,
  ],
  [
    'a misspelt key that must be there',
    'unknown-key',
    'edge.interfase is an unknown key. Did you mean "interface"?',
    `${SECRET}\n[edge]\n«interfase = "eth0"`,
  ],
  [
    'a key that zod passes over',
    'unknown-key',
    'pools.__proto__ is no name that can be used',
    '[pools.«__proto__]\ndelivery = "l2"',
  ],
  [
    'a missing key',
    'missing',
    'edge.interface is missing, and must be the name of a network interface. Add "interface".',
    `${SECRET}\n[«edge]\nquic = false`,
  ],
  [
    'a missing key of an inline table',
    'missing',
    'pools.dns.backends[0].address is missing',
    `${POOL}\nbackends = [«{ id = "a" }]\n${SERVICE}`,
  ],
  [
    'a missing secret',
    'missing',
    'secret is missing, and must be the same on every edge',
    '«[edge]\ninterface = "eth0"',
  ],
  ['another type', 'value', 'edge.quic is "yes", and must be true or false.', `${EDGE}\nquic = «"yes"`],
  ['a date', 'value', 'edge.name is a date or time, and must be a name', `${EDGE}\nname = «1979-05-27`],
  [
    'a date for a table',
    'value',
    'edge.flow_table is a date or time, and must be a table.',
    `${EDGE}\nflow_table = «1979-05-27`,
  ],
  [
    'a number out of range',
    'value',
    'pools.dns.mtu is 100, and must be an integer from 576 to 65535.',
    `${POOL}\nmtu = «100\n${SERVICE}`,
  ],
  [
    'a number beyond those of JavaScript',
    'value',
    'pools.dns.mtu is 9223372036854775807, and must be',
    `${POOL}\nmtu = «9223372036854775807\n${SERVICE}`,
  ],
  [
    'no power of two',
    'value',
    'edge.flow_table.flows is 1000, and must be a power of two from 4 to 16777216.',
    `${EDGE}\nflow_table = { flows = «1000 }`,
  ],
  [
    'a word that is none',
    'value',
    'pools.dns.delivery is "ippi", and must be one of "l2", "ipip", "gue", "proxy". Did you mean "ipip"?',
    `[pools.dns]\ndelivery = «"ippi"\n${SERVICE}`,
  ],
  [
    'no address',
    'value',
    'services[0].vips[1] is "198.51.100", and must be the IPv4 or IPv6 address of one host.',
    `${POOL}\n${SERVICE.replace('.2"]', '.2", «"198.51.100"]')}`,
  ],
  [
    'a group',
    'value',
    'services[0].vips[0] is "ff02::1", and must be',
    `${POOL}\n${SERVICE.replace('"198.51.100.2"', '«"ff02::1"')}`,
  ],
  [
    'a range the wrong way round',
    'value',
    'services[0].ports[1] is "9-3", and must be a port from 1 to 65535, or a range like',
    `${POOL}\n${SERVICE.replace('"10000-19999"', '«"9-3"')}`,
  ],
  ['port 0', 'value', 'services[0].ports[0] is 0, and must be a port', `${POOL}\n${SERVICE.replace('53', '«0')}`],
  [
    'no ports',
    'value',
    'services[0].ports is an empty list, and must be a list of ports and ranges, at least 1.',
    `${POOL}\n${SERVICE.replace('[53, "10000-19999"]', '«[]')}`,
  ],
  [
    'a name of a pool that is none',
    'value',
    'pools."a b" is the key "a b", and must be a name of 1 to 255 letters',
    `[pools.«"a b"]\ndelivery = "l2"`,
  ],
  [
    'a table size',
    'value',
    'pools.dns.table_size is 65535, and must be a prime or a power of two',
    `${POOL}\ntable_size = «65535\n${SERVICE}`,
  ],
  [
    'a check that is none',
    'value',
    'pools.dns.health.check is "dnss", and must be one of "udp", "stun", "dns", "tcp", "http". Did you mean "dns"?',
    `${POOL}\n${SERVICE}\n[pools.dns.health]\ncheck = «"dnss"\nport = 53`,
  ],
  [
    'a key of another check',
    'unknown-key',
    'pools.dns.health.path is an unknown key',
    `${POOL}\n${SERVICE}\n[pools.dns.health]\ncheck = "tcp"\nport = 53\n«path = "/"`,
  ],
  [
    'a source that is none',
    'value',
    'discovery.main.type is "etc", and must be one of "file", "dns", "etcd". Did you mean "etcd"?',
    '[discovery.main]\ntype = «"etc"',
  ],
  [
    'a secret of another form',
    'value',
    'secret is text of 4 characters, and must be 16 hexadecimal digits.',
    'secret = «"beef"',
  ],
  [
    'a secret from nowhere',
    'unknown-key',
    'secret.fil is an unknown key. Did you mean "file"?',
    'secret = { «fil = "/etc/secret" }',
  ],
  [
    'a variable that is not set',
    'secret',
    'secret.env is the environment variable NOT_SET, which is not set, and must be one that is set.',
    'secret = { env = «"NOT_SET" }',
  ],
  [
    'a variable with something else',
    'secret',
    'secret is the environment variable SHORT, with text of 4 characters, and must be 16 hexadecimal digits.',
    'secret = «{ env = "SHORT" }',
  ],
  [
    'a secret that is no file',
    'secret',
    'secret.file is "/nowhere/secret", which cannot be read (ENOENT), and must be a file that this program can read. Is the path right?',
    'secret = { file = «"/nowhere/secret" }',
  ],
  [
    'a key that is no file',
    'secret',
    'discovery.main.tls.ca is "/nowhere/ca.pem", which cannot be read (ENOENT)',
    `${ETCD}\ntls = { ca = «"/nowhere/ca.pem" }`,
  ],
  [
    'a pool that is not there',
    'reference',
    'services[0].pool is "dsn", and must be the name of a pool: "dns". Did you mean "dns"?',
    `${POOL}\n${SERVICE.replace('pool = "dns"', 'pool = «"dsn"')}`,
  ],
  [
    'no pool at all',
    'reference',
    'services[0].pool is "dns", and must be the name of a pool, and there is none. Add [pools.dns].',
    SERVICE.replace('pool = "dns"', 'pool = «"dns"'),
  ],
  [
    'a source that is not there',
    'reference',
    'pools.dns.discover[0] is "mian", and must be the name of a [discovery.*]: "main". Did you mean "main"?',
    `${POOL}\ndiscover = [«"mian"]\n${SERVICE}\n${ETCD}`,
  ],
  [
    'a rule of no VIP',
    'reference',
    'rewrite.rules[0].from is "198.51.100.9", and must be one of the vips.',
    `${REWRITE}\nvips = ["198.51.100.2"]\nrules = [{ port = 53, from = «"198.51.100.9" }]`,
  ],
  [
    'a port of two services',
    'conflict',
    'services[1].ports[1] is "12000-12001", and must be free of port 12000 of 198.51.100.2, which is that of services[0] ("dns").',
    `${POOL}\n${SERVICE}\n[[services]]\nname = "b"\nvips = ["::ffff:198.51.100.2"]\nports = [9, «"12000-12001"]\npool = "dns"`,
  ],
  [
    'a name twice',
    'conflict',
    'services[1].name is "dns", and must be another name than services[0] has.',
    `${POOL}\n${SERVICE}\n[[services]]\nname = «"dns"\nvips = ["198.51.100.2"]\nports = [9]\npool = "dns"`,
  ],
  [
    'a VIP twice',
    'conflict',
    'services[0].vips[1] is "2001:DB8::2", and must be an address that is not in the list before.',
    `${POOL}\n${SERVICE.replace('["198.51.100.2"]', '["2001:db8::2", «"2001:DB8::2"]')}`,
  ],
  [
    'a VIP that is a backend',
    'conflict',
    'pools.dns.backends[0].address is "198.51.100.2", and must be the backend’s own address: this one is a VIP of the service "dns".',
    `${POOL}\nbackends = [{ id = "a", address = «"198.51.100.2" }]\n${SERVICE}`,
  ],
  [
    'an id twice',
    'conflict',
    'pools.dns.backends[1].id is "a", and must be another id than backends[0] has.',
    `${POOL}\nbackends = [{ id = "a", address = "10.0.0.1" }, { id = «"a", address = "10.0.0.2" }]\n${SERVICE}`,
  ],
  [
    'quic without quic_lb',
    'conflict',
    'services[0].quic is true, and must be false, since the pool "dns" has no quic_lb.',
    `${POOL}\n${SERVICE}\nquic = «true`,
  ],
  [
    'quic that the edge has not',
    'conflict',
    'services[0].quic is true, and must be false, since [edge] has no quic.',
    `${EDGE}\n${POOL}\nquic_lb = { config_ids = [0], server_id_length = 2 }\n${SERVICE}\nquic = «true`,
  ],
  [
    'flow_table that the edge has not',
    'conflict',
    'services[0].flow_table is true, and must be false, since [edge] has no flow_table.',
    `${EDGE}\n${POOL}\n${SERVICE}\nflow_table = «true`,
  ],
  [
    'a server ID without quic_lb',
    'conflict',
    'pools.dns.backends[0].server_id is "c46e", and must be left out',
    `${POOL}\nbackends = [{ id = "a", address = "10.0.0.1", server_id = «"c46e" }]\n${SERVICE}`,
  ],
  [
    'a server ID of another length',
    'conflict',
    'pools.dns.backends[0].server_id is "c4", and must be 4 hexadecimal digits',
    `${POOL}\nquic_lb = { config_ids = [0], server_id_length = 2 }\nbackends = [{ id = "a", address = "10.0.0.1", server_id = «"c4" }]\n${SERVICE}`,
  ],
  [
    'a server ID twice',
    'conflict',
    'pools.dns.backends[1].server_id is "C4", and must be another one than backends[0] has.',
    `${POOL}\nquic_lb = { config_ids = [0], server_id_length = 1 }\nbackends = [{ id = "a", address = "10.0.0.1", server_id = "c4" }, { id = "b", address = "10.0.0.2", server_id = «"C4" }]\n${SERVICE}`,
  ],
  [
    'a port of a delivery without',
    'conflict',
    'pools.dns.port is 6080, and must be left out: the delivery "ipip" has no port.',
    `${POOL}\nport = «6080\n${SERVICE}`,
  ],
  [
    'a source of a delivery without',
    'conflict',
    'pools.dns.source is "10.0.0.2", and must be left out: the delivery "l2" changes no address.',
    `[pools.dns]\ndelivery = "l2"\nsource = «"10.0.0.2"\n${SERVICE}`,
  ],
  [
    'a source of another family',
    'conflict',
    'pools.dns.source is "10.0.0.2", and must be of the family of all backends; "b" is IPv6.',
    `${POOL}\nsource = «"10.0.0.2"\nbackends = [{ id = "a", address = "10.0.0.1" }, { id = "b", address = "2001:db8::7" }]\n${SERVICE}`,
  ],
  [
    'fewer slots than backends',
    'conflict',
    'pools.dns.table_size is 2, and must be at least 3, a slot for each backend.',
    `${POOL}\ntable_size = «2\nbackends = [${[1, 2, 3].map((i) => `{ id = "${i}", address = "10.0.0.${i}" }`).join(', ')}]\n${SERVICE}`,
  ],
  [
    'fragments without client-ip',
    'conflict',
    'services[0].fragments is true, and must be false with the affinity "flow"',
    `${POOL}\n${SERVICE}\naffinity = "flow"\nfragments = «true`,
  ],
  [
    'fragments with a header',
    'conflict',
    'services[0].fragments is true, and must be false with the delivery "proxy"',
    `[pools.dns]\ndelivery = "proxy"\n${SERVICE}\naffinity = "client-ip"\nfragments = «true`,
  ],
  [
    'fragments of a VIP twice',
    'conflict',
    'services[1].fragments is true, and must be false, since services[0] has the fragments to 198.51.100.2.',
    `${POOL}\n${SERVICE}\naffinity = "client-ip"\nfragments = true\n[[services]]\nname = "b"\nvips = ["198.51.100.2"]\nports = [9]\npool = "dns"\naffinity = "client-ip"\nfragments = «true`,
  ],
  [
    'a timeout beyond the interval',
    'conflict',
    'pools.dns.health.timeout is 2000, and must be less than interval, which is 2000.',
    `${POOL}\n${SERVICE}\n[pools.dns.health]\ncheck = "tcp"\nport = 53\ntimeout = «2000`,
  ],
  [
    'pins in one folder',
    'conflict',
    'backend.pin_path is "/sys/fs/bpf/a", and must be another folder than that of [edge].',
    `${EDGE}\npin_path = "/sys/fs/bpf/a"\n${BACKEND}\nedges = ["10.0.0.2"]\npin_path = «"/sys/fs/bpf/a"`,
  ],
  [
    'no tunnels',
    'value',
    'backend.deliveries is an empty list, and must be a list with',
    `${BACKEND}\nedges = ["10.0.0.2"]\ndeliveries = «[]`,
  ],
  [
    'no VIPs to rewrite',
    'missing',
    'rewrite.vips is missing, and must be there, since no service has VIPs.',
    `[«rewrite]\ninterface = "eth0"`,
  ],
  [
    'no control group',
    'missing',
    'rewrite.cgroup is missing, and must be there with the hook "cgroup".',
    `[«rewrite]\ninterface = "eth0"\nvips = ["198.51.100.2"]\nhook = "cgroup"\nports = [53]`,
  ],
  [
    'a control group for nothing',
    'conflict',
    'rewrite.cgroup is "/sys/fs/cgroup/a", and must be left out with the hook "tcx".',
    `${REWRITE}\nvips = ["198.51.100.2"]\nhook = "tcx"\ncgroup = «"/sys/fs/cgroup/a"`,
  ],
  [
    'nothing that replies could follow',
    'conflict',
    'rewrite.learn is false, and must be true where there are no rules. Add rules.',
    `${REWRITE}\nvips = ["198.51.100.2"]\nlearn = «false`,
  ],
  [
    'pins of clsact',
    'conflict',
    'rewrite.pin_path is "/sys/fs/bpf/a", and must be left out with the hook "clsact"',
    `${REWRITE}\nvips = ["198.51.100.2"]\nhook = "clsact"\npin_path = «"/sys/fs/bpf/a"`,
  ],
  [
    'a user without password',
    'missing',
    'discovery.main.password is missing, and must be there, since user is.',
    `${ETCD.replace('main]', 'main]').replace('[discovery.main]', '[discovery.«main]')}\nuser = "edge"`,
  ],
  [
    'a password without user',
    'missing',
    'discovery.main.user is missing, and must be there, since password is.',
    `${ETCD.replace('[discovery.main]', '[discovery.«main]')}\npassword = "x"`,
  ],
  [
    'TLS in the clear',
    'conflict',
    'discovery.main.endpoints[1] is "http://10.0.1.2:2379", and must be an address with https, since there is tls.',
    `[discovery.main]\ntype = "etcd"\nendpoints = ["https://10.0.1.1:2379", «"http://10.0.1.2:2379"]\ntls = {}`,
  ],
  [
    'an endpoint that is none',
    'value',
    'discovery.main.endpoints[0] is "10.0.1.1:2379", and must be an address like "https://10.0.1.1:2379".',
    `[discovery.main]\ntype = "etcd"\nendpoints = [«"10.0.1.1:2379"]`,
  ],
]

describe('each problem is told with its place', () => {
  test.each(CASES)('%s', (_title, kind, message, source) => {
    const { text, places } = marked(source)
    const problems = problemsOf(() => parseConfig(text, { file: 'udp-dsr.toml', env: { SHORT: 'beef' } }))
    expect(problems.map(({ message }) => message)).toHaveLength(1)
    const [problem] = problems as [ConfigProblem]
    expect(`${problem.line}:${problem.column}`).toBe(places[0])
    expect(problem.message).toContain(`udp-dsr.toml:${places[0]}`)
    expect(problem.message.slice(`udp-dsr.toml:${places[0]}`.length).replace(/^: | /, '')).toContain(message)
    expect(problem.kind).toBe(kind)
  })

  test('without the fault these texts are read', () => {
    const text = [EDGE, 'quic = true', 'flow_table = {}', POOL, 'discover = ["main"]', SERVICE, ETCD].join('\n')
    expect(parseConfig(text).warnings).toEqual([])
  })
})

describe('all problems are told at once', () => {
  const { text, places } = marked(`${SECRET}
[edge]
interface = "eth0"
mode = «"autom"
limits = { services = «100, «slotz = 3 }
[«pool.dns]
[pools.dns]
delivery = «"ippi"
backends = [
  { id = "a", address = "10.0.0.7", weight = «-1, server_id = «"c46e" },
  { id = «"a", address = «"198.51.100.2" },
]
discover = [«"mian"]
[[services]]
name = "dns"
vips = ["198.51.100.2", «"198.51.100.02"]
ports = [53, "10000-19999", «"9-3"]
pool = «"dnss"
flow_table = «true
[[services]]
name = «"dns"
vips = ["198.51.100.2"]
ports = [«10000]
pool = "dns"
fragments = «true
[discovery.main]
type = "etcd"
endpoints = ["https://10.0.1.1:2379"]
user = "x"
password = { «en = "X" }`)

  it('in the order of the file, those of one table as well as those between tables', () => {
    const problems = problemsOf(() => parseConfig(text))
    expect(problems.map(({ line, column }) => `${line}:${column}`)).toEqual(places)
  })

  it('one on each line of the message', () => {
    expect(() => parseConfig(text, { file: 'udp-dsr.toml' })).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIG',
        message: expect.stringMatching(
          new RegExp(`^udp-dsr.toml has ${places.length} problems:(\nudp-dsr.toml:.+){${places.length}}$`),
        ),
      }),
    )
  })

  it('fifty in the message, and all in problems', () => {
    const many = `${POOL}\nbackends = [${Array.from({ length: 80 }, () => '{ id = "", address = "10.0.0.1" }').join(', ')}]\n${SERVICE}`
    const problems = problemsOf(() => parseConfig(many))
    expect(problems).toHaveLength(80)
    expect(() => parseConfig(many)).toThrow(/… and 30 more$/)
  })
})

describe('what is an object', () => {
  it('has problems without lines', () => {
    const [problem] = problemsOf(() => readConfig({ pools: { dns: { delivery: 'ippi' } } })) as [ConfigProblem]
    expect(problem).toMatchObject({ file: undefined, line: undefined, column: undefined, path: 'pools.dns.delivery' })
    expect(problem.message).toMatch(/^pools\.dns\.delivery is "ippi", and must be/)
  })

  it.each([5, null, undefined, [], 'text'])('is refused when it is %j', (value) => {
    expect(problemsOf(() => readConfig(value))).toHaveLength(1)
  })

  it('may contain itself', () => {
    const circle: Record<string, unknown> = {}
    circle.pools = circle
    expect(problemsOf(() => readConfig(circle)).length).toBeGreaterThan(0)
  })
})

it('control characters of a config do not reach the terminal', () => {
  const [problem] = problemsOf(() => parseConfig('"\\u009b31m" = 1\n"\\u001bc" = "\\u001b]0;x"')) as [ConfigProblem]
  expect(problem.message).not.toMatch(/[\p{C}]/u)
})
