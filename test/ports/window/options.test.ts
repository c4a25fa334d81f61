import { describe, expect, test } from 'vitest'
import { runsOf } from '../../../src/ports/window/port-set.js'
import { portWindowSettings } from '../../../src/ports/window/window-options.js'

const range = [50000, 50009] as const
const settings = (options: object) => portWindowSettings(options as never)

describe('options of a window', () => {
  test('have defaults that follow from the idle timeout', () => {
    expect(settings({ range })).toMatchObject({ idle: 30_000, quarantine: 60_000, retryTaken: 30_000, lowWater: -1 })
    expect(settings({ range, idleTimeout: 'long' })).toMatchObject({ idle: 120_000, quarantine: 240_000 })
    expect(settings({ range, idleTimeout: 2 ** 31 - 1 })).toMatchObject({ quarantine: 2 ** 31 - 1 })
    expect(settings({ range, quarantine: 0 })).toMatchObject({ idle: 30_000, quarantine: 0 })
  })

  test('take several ranges, which may overlap, and leave ports out', () => {
    const { ports, runs } = settings({
      range: [
        [7, 9],
        [8, 12],
        [20, 20],
      ],
      exclude: [10, [1, 7], 4000],
    })
    expect([...ports]).toEqual([8, 9, 11, 12, 20])
    expect(runs).toEqual([
      [8, 9],
      [11, 12],
      [20, 20],
    ])
    expect(runsOf(new Uint16Array([65535]))).toEqual([[65535, 65535]])
  })

  test.each([
    [undefined, 'ERR_INVALID_ARG_TYPE', 'options'],
    [{}, 'ERR_INVALID_ARG_TYPE', 'options.range'],
    [{ range: [] }, 'ERR_INVALID_ARG_TYPE', 'options.range'],
    [{ range: [50000] }, 'ERR_INVALID_ARG_TYPE', 'options.range'],
    [{ range: [0, 10] }, 'ERR_OUT_OF_RANGE', 'options.range[0]'],
    [{ range: [10, 9] }, 'ERR_OUT_OF_RANGE', 'low <= high'],
    [
      {
        range: [
          [1, 2],
          [3, 65536],
        ],
      },
      'ERR_OUT_OF_RANGE',
      'options.range[1][1]',
    ],
    [{ range, exclude: 5 }, 'ERR_INVALID_ARG_TYPE', 'options.exclude'],
    [{ range, exclude: ['5'] }, 'ERR_INVALID_ARG_TYPE', 'options.exclude[0]'],
    [{ range, exclude: [0] }, 'ERR_OUT_OF_RANGE', 'options.exclude[0]'],
    [{ range, exclude: [[50000, 50009]] }, 'ERR_INVALID_ARG_VALUE', 'at least one port'],
    [{ range, order: 'fifo' }, 'ERR_INVALID_ARG_VALUE', 'options.order'],
    [{ range, idleTimeout: 'shortish' }, 'ERR_INVALID_ARG_VALUE', 'options.idleTimeout'],
    [{ range, idleTimeout: 0 }, 'ERR_OUT_OF_RANGE', 'options.idleTimeout'],
    [{ range, quarantine: -1 }, 'ERR_OUT_OF_RANGE', 'options.quarantine'],
    [{ range, quarantine: 2 ** 31 }, 'ERR_OUT_OF_RANGE', 'options.quarantine'],
    [{ range, retryTaken: 0 }, 'ERR_OUT_OF_RANGE', 'options.retryTaken'],
    [{ range, quota: '5' }, 'ERR_INVALID_ARG_TYPE', 'options.quota'],
    [{ range, quota: 1.5 }, 'ERR_OUT_OF_RANGE', 'options.quota'],
    [{ range, lowWater: 10 }, 'ERR_OUT_OF_RANGE', '>= 0 && <= 9'],
    [{ range, externalOffset: 15527 }, 'ERR_OUT_OF_RANGE', '>= -49999 && <= 15526'],
    [{ range, externalOffset: -50000 }, 'ERR_OUT_OF_RANGE', '>= -49999'],
    [{ range, quarantaine: 5 }, 'ERR_UNKNOWN_OPTION', 'Did you mean "quarantine"?'],
  ])('%j: %s', (options, code, part) => {
    expect(() => settings(options as never)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(part) }),
    )
  })
})
