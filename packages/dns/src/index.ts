/**
 * DNS for e-mail: where to deliver mail, how securely, and whether to trust a sender.
 *
 * - `createResolver`: lookups with distinct outcomes, a cache, and the result of DNSSEC validation
 * - `findMailRoute`: the hosts that accept the mail of a domain
 *
 * Every lookup goes through the `Resolver` interface; `@mb/dns/memory` has one for tests.
 *
 * @packageDocumentation
 */
export { addressRefusal, isDeliverable } from './address-guard.ts';
export { type AuthoritativeOptions, lookupAuthoritative } from './authoritative/lookup.ts';
export type { AuthoritativeAnswer, ServerAnswer } from './authoritative/verdict.ts';
export type { CacheOptions } from './cache.ts';
export type { Clock } from './clock.ts';
export { type DiagnosisOptions, type DiagnosisProbe, diagnoseSender } from './diagnose.ts';
export type { ConnectProbe, ProbeResult } from './diagnosis/connect-probe.ts';
export type { DkimSelector } from './diagnosis/context.ts';
export {
  type DiagnosisCheck,
  type Finding,
  type FindingSeverity,
  formatPublishedRecord,
  type PublishedRecord,
  worstSeverity,
} from './diagnosis/finding.ts';
export {
  type DmarcIdentifier,
  type DmarcOutcome,
  type DmarcRequest,
  evaluateDmarc,
} from './dmarc/evaluate.ts';
export {
  type DmarcDiscovery,
  type DmarcFound,
  type DmarcLookup,
  type DmarcLookupOptions,
  type DmarcNone,
  type DmarcTemporary,
  lookupDmarc,
} from './dmarc/lookup.ts';
export {
  type DmarcAlignmentMode,
  type DmarcParseResult,
  type DmarcPolicy,
  type DmarcRecord,
  parseDmarcRecord,
} from './dmarc/record.ts';
export { normalizeDomain } from './domain.ts';
export { DnsError, type DnsErrorCode, type DnsErrorKind } from './errors.ts';
export { type AddressCheck, guardedLookup } from './guarded-lookup.ts';
export type { HostAddress, MailHost, SkippedHost } from './mail-host.ts';
export {
  type FoundRoute,
  findMailRoute,
  findSmarthostRoute,
  type MailRoute,
  type MailRouteOptions,
  type RouteFailure,
  type RouteFailureCause,
  type RouteSource,
} from './mail-route.ts';
export {
  createMtaStsCache,
  createMtaStsMemoryStore,
  type MtaStsCache,
  type MtaStsCacheOptions,
  type MtaStsOutcome,
  type MtaStsStore,
  type StoredMtaStsPolicy,
} from './mta-sts/cache.ts';
export {
  fetchMtaStsPolicy,
  type MtaStsFetch,
  type MtaStsFetchFailure,
  type MtaStsFetchOptions,
} from './mta-sts/fetch.ts';
export { createMtaStsFileStore } from './mta-sts/file-store.ts';
export {
  applyMtaSts,
  type MtaStsParseResult,
  type MtaStsPolicy,
  type MtaStsVerdict,
  matchesMtaSts,
  parseMtaStsPolicy,
} from './mta-sts/policy.ts';
export { lookupMtaSts, type MtaStsLookup } from './mta-sts/record.ts';
export { byPreference } from './mx-order.ts';
export { createResolver, type NodeResolver } from './node-resolver.ts';
export { type NodeDnsError, type NodeSoa, type PromisesAdapter, toNodeDns } from './promises-adapter.ts';
export type { MxRecord, RecordData, RecordType, SoaRecord, SrvRecord, TlsaRecord } from './record.ts';
export {
  type Answer,
  type FailedAnswer,
  type FailureCause,
  type FailureScope,
  type FoundAnswer,
  isTemporary,
  type NoDataAnswer,
  type NxDomainAnswer,
  type QueryOptions,
  type Resolver,
} from './resolver.ts';
export type { ResolverOptions } from './resolver-options.ts';
export { confirmReverse, type ReverseOutcome, reverseName } from './reverse.ts';
export type { SpfLimits } from './spf/budget.ts';
export { type CheckHostOptions, checkHost, type SpfRequest } from './spf/check-host.ts';
export type { Macro, MacroLetter, MacroPart, MacroString } from './spf/domain-spec.ts';
export { explainSpf, formatSpfTree, type SpfTree, type SpfTreeTerm } from './spf/explain.ts';
export { lintSpf, type SpfFinding, type SpfFindingCode } from './spf/lint.ts';
export type { IpWords, Network } from './spf/network.ts';
export type { SpfOutcome, SpfProblem, SpfResult, SpfTraceEntry } from './spf/outcome.ts';
export {
  isSpfRecord,
  parseSpfRecord,
  type SpfMechanism,
  type SpfMechanismName,
  type SpfModifier,
  type SpfParseResult,
  type SpfQualifier,
  type SpfRecord,
  type SpfSyntaxProblem,
} from './spf/record.ts';
export { lookupTlsRpt, parseTlsRptRecord, type TlsRptLookup } from './tls-rpt.ts';
export { isUsableTlsa, lookupTlsa, type TlsaLookup, type TlsaTarget } from './tlsa/lookup.ts';
export { matchTlsa, type TlsaMatch, type TlsaPeer } from './tlsa/match.ts';
export type { FetchFunction } from './transport/https.ts';
