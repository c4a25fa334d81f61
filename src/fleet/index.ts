/**
 * What makes hosts a fleet: the health of backends. Needs Linux for checks over UDP; can be imported everywhere.
 *
 * @module
 */

export * from './health/index.js'
