/**
 * Alerts of a broker by webhook and mail.
 *
 * - `startAlerts()`: watches a broker
 *
 * @packageDocumentation
 */
export { type AlertOptions, type AlertWatch, startAlerts, type WatchedBroker } from './alerts.ts';
export type { WatchedKey } from './facts.ts';
export { type AlertName, type AlertThresholds, alertNames, defaultThresholds } from './rules.ts';
