/**
 * The dashboard of `@mb/server`: static files for a browser, which uses only the HTTP API.
 *
 * - `dashboard()`: a fetch handler, for `createServer({ dashboard })` and every server with Request and Response
 * - `nodeDashboard()`: the same for `node:http` and Express
 *
 * @packageDocumentation
 */

export { type DashboardOptions, dashboard } from './dashboard.ts';
export { DashboardError, type DashboardErrorCode, type DashboardErrorKind } from './errors.ts';
export { nodeDashboard } from './node-dashboard.ts';
