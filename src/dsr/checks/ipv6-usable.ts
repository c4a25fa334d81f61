import { sameAddress } from '../address.js'
import { error } from '../finding.js'
import { sysctlNumber } from '../host/files.js'
import { unusableAddresses } from '../host/interface-addresses.js'
import type { Check } from './check.js'

/** IPv6 can be off for an interface, and an address unusable until nobody else has claimed it (RFC 4862 §5.4). */
export const ipv6Usable: Check = {
  id: 'ipv6-usable',
  title: 'IPv6 works on the interface, and its addresses are usable',
  applies: ({ vips }) => vips.some(({ version }) => version === 6),
  look: ({ vips, interface: on }) => {
    const off = [on?.name, 'lo'].filter((name) => name && sysctlNumber(`net/ipv6/conf/${name}/disable_ipv6`) === 1)
    const bad = unusableAddresses().filter(
      ({ interface: name, address }) => name === on?.name || vips.some((vip) => sameAddress(vip, address)),
    )
    return [
      ...off.map((name) =>
        error(
          `IPv6 is off on ${name}`,
          `net.ipv6.conf.${name}.disable_ipv6 is 1.`,
          `sysctl -w net.ipv6.conf.${name}.disable_ipv6=0`,
        ),
      ),
      ...bad.map(({ interface: name, address, state }) =>
        error(
          state === 'duplicate'
            ? `${address.text} on ${name} is used by another host, too`
            : `${address.text} on ${name} cannot be used yet`,
          `/proc/net/if_inet6 says ${state === 'duplicate' ? 'that duplicate address detection failed' : 'that it is tentative: duplicate address detection goes on'}.`,
          state === 'duplicate'
            ? `ip address del ${address.text} dev ${name}  # a VIP: ip -6 route add local ${address.text} dev lo`
            : `ip address show dev ${name} tentative  # wait, or add the address with nodad`,
        ),
      ),
    ]
  },
}
