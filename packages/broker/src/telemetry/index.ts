/**
 * Metrics and traces of a broker on OpenTelemetry's API, which must be installed.
 *
 * - `instrument()`: measures a broker
 * - `providerOf()`: the group of a mail host
 *
 * @packageDocumentation
 */
export { type InstrumentedBroker, type InstrumentOptions, instrument } from './instrument.ts';
export { providerOf } from './provider.ts';
