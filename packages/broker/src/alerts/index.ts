/**
 * Alerts of a broker by webhook and mail.
 *
 * - `Alerts`: watches a broker
 * - `listAlerts()`: what fires on a store
 *
 * @packageDocumentation
 */
export type { WebhookTarget } from '../webhooks/webhook-target.ts';
export type { AlertMail, AlertOptions } from './alert-options.ts';
export { type Alert, listAlerts } from './alert-state.ts';
export { Alerts, type AlertTest, type WatchedBroker } from './alerts.ts';
export type { Findings, WatchedKey } from './facts.ts';
export { type AlertName, type AlertThresholds, alertNames, defaultThresholds } from './rules.ts';
