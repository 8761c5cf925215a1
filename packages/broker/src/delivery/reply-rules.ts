/**
 * The table of reply rules, in the order in which they are tried: the first that matches decides.
 *
 * 1. Codes and phrases of single providers.
 * 2. Replies that end a session, ask for less mail, or defer for a while.
 * 3. Refusals because of the sender: reputation, authentication, relaying.
 * 4. Refusals because of the mailbox (full, closed, unknown) or of the content, and bare codes for an unknown mailbox.
 * 5. Enhanced codes, then basic codes, for replies whose text matches no rule.
 *
 * An address is suppressed only on positive evidence, so rules for a reason on our side come before rules for the
 * mailbox. To add a rule: put the reply into test/vectors/replies.json, with its source, and the rule here, as far down
 * as it works. docs/reply-rules.md is generated from this file; it is long because it is a table.
 */

import type { Stage } from './outcome.ts';
import type { ReplyRule } from './reply-rule.ts';

const beforeMail: readonly Stage[] = [
  'connect',
  'greeting',
  'ehlo',
  'helo',
  'starttls',
  'tls',
  'auth',
  'idle',
];
const aboutRecipient: readonly Stage[] = ['rcpt', 'data', 'chunk', 'content', 'final'];
const aboutContent: readonly Stage[] = ['data', 'chunk', 'content', 'final'];

const hour = 3_600_000;
const minute = 60_000;

const microsoft = ['*.protection.outlook.com', '*.mx.microsoft', '*.hotmail.com'];
const google = ['*.google.com', '*.googlemail.com'];
const unitedInternet = [
  '*.gmx.net',
  '*.gmx.com',
  '*.web.de',
  '*.mail.com',
  '*.kundenserver.de',
  '*.ionos.com',
];

const rfc3463 = 'https://www.rfc-editor.org/rfc/rfc3463';
const rfc5321 = 'https://www.rfc-editor.org/rfc/rfc5321';
const iana = 'https://www.iana.org/assignments/smtp-enhanced-status-codes';
const gmailCodes = 'https://support.google.com/a/answer/3726730';
const yahooCodes = 'https://senders.yahooinc.com/smtp-error-codes/';
const microsoftCodes =
  'https://learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/non-delivery-reports-in-exchange-online';

// biome-ignore format: a table, one rule in few lines
const providerRules: readonly ReplyRule[] = [
  { id: 'credentials-refused', code: '5yz', stage: 'auth', category: 'local', scope: 'destination', action: 'pause', source: 'https://www.rfc-editor.org/rfc/rfc4954#section-6' },
  // Microsoft 365 and Outlook.com
  { id: 'microsoft-no-recipient', host: microsoft, code: 550, enhanced: '5.4.1', stage: 'rcpt', text: 'recipient address rejected: access denied', relay: false,
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: 'https://www.spamresource.com/2025/02/550-541-it-most-often-means-user-unknown.html' },
  { id: 'microsoft-no-recipient-stamp', code: 550, enhanced: '5.4.1', stage: 'rcpt', text: ['recipient address rejected: access denied * outlook.com', 'recipient address rejected: access denied * as(20'], relay: false,
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: 'https://www.spamresource.com/2023/09/microsoft-multiple-types-of-invalid.html' },
  { id: 'outlook-no-mailbox', host: microsoft, code: 550, stage: aboutRecipient, text: 'mailbox unavailable', relay: false, shared: false,
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: 'https://www.spamresource.com/2023/09/microsoft-multiple-types-of-invalid.html' },
  { id: 'outlook-no-mailbox-code', code: 550, stage: aboutRecipient, text: 'mailbox unavailable (s2017062302)', relay: false, shared: false,
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: 'https://www.spamresource.com/2023/09/microsoft-multiple-types-of-invalid.html' },
  { id: 'outlook-rate', code: ['4yz'], text: ['(rp-00*)', 'rp-001', 'rp-002', 'rp-003', '(s775)', '(s3114)', '(s3115)', '(s844)', 'ib007', '(dy-00*)'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: 'https://sendersupport.olc.protection.outlook.com/pm/troubleshooting' },
  { id: 'microsoft-rate', host: microsoft, code: '4yz', enhanced: ['4.7.500', '4.7.501', '4.7.502', '4.7.503', '4.7.504', '4.7.505', '4.7.506', '4.7.507', '4.7.508', '4.7.509', '4.7.510', '4.7.511', '4.7.512', '4.7.513', '4.7.514', '4.7.515', '4.7.550', '4.7.600', '4.7.606', '4.7.649', '4.7.650', '4.7.651', '4.7.652', '4.7.653', '4.7.654', '4.7.655', '4.7.698', '4.7.699'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: microsoftCodes },
  { id: 'microsoft-server-busy', code: '4yz', enhanced: ['4.7.500', '4.7.5', '4.7.650', '4.7.651', '4.7.652'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: microsoftCodes },
  { id: 'microsoft-recipient-rate', text: ['recipient thread limit exceeded', 'recipientratelimit*', 'recipient * message rate', 'storedrv.deliver; * limit exceeded'],
    category: 'rate', scope: 'recipient', action: 'retry', source: microsoftCodes },
  { id: 'microsoft-blocked', code: '5yz', text: ['(s3140)', '(s3150)', '(ou-001)', '(ou-002)', '(sc-001)', '(sc-002)', '(sc-003)', '(sc-004)', '(dy-001)', '(dy-002)', 'banned sender', 'banned sending ip'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://sendersupport.olc.protection.outlook.com/pm/troubleshooting' },
  // Gmail
  { id: 'gmail-recipient-rate', text: ['receiving mail too quickly', 'receiving email too quickly', 'receiving mail at a rate', 'receiving email at a rate', 'receivingrate*'],
    category: 'rate', scope: 'recipient', action: 'retry', source: gmailCodes },
  { id: 'gmail-rate', code: '4yz', text: ['unusual rate of', 'unusual amount of', 'rate limited for ip', 'rate limiting our', 'temporarily rate limited'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: gmailCodes },
  { id: 'gmail-disabled', host: google, code: 550, enhanced: '5.2.1', stage: aboutRecipient, text: ['account that you tried to reach is *'], relay: false, shared: false,
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: gmailCodes },
  { id: 'gmail-storage', text: ['out of storage space', 'overquotaperm', 'overquotatemp'],
    category: 'mailbox-full', scope: 'recipient', action: 'retry', source: gmailCodes },
  // Yahoo, AOL
  { id: 'yahoo-pause', code: ['4yz'], text: ['[tss05]', '[tss06]', '[tss07]', '[tss09]', '[tss10]', '[tss11]', '[tss12]', '[ipts05]'],
    category: 'rate', scope: 'destination', action: 'pause', afterMs: 2 * hour, source: yahooCodes },
  { id: 'yahoo-rate', code: '4yz', text: ['[ts*]', '[tss*]', '[ipts*]', '[gl01]', '[cp*]'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: yahooCodes },
  { id: 'yahoo-resources', code: '4yz', text: ['resources temporarily unavailable', 'resources temporarily not available'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: yahooCodes },
  { id: 'yahoo-blocked', code: '5yz', text: ['[bl2*]', '[bl*]', 'vs98-ip*', '[tss*]', 'not allowed - 5.7.1'],
    category: 'blocked', scope: 'sender', action: 'fail', source: yahooCodes },
  { id: 'yahoo-no-mailbox', code: '5yz', stage: aboutRecipient, text: ["user doesn't have a * account", 'this mailbox is disabled (554.30)', 'delivery error: * cannot be delivered * disabled or discontinued', 'delivery error: dd not a valid recipient', 'dd requested mail action aborted, mailbox not found'], relay: false, shared: false,
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: yahooCodes },
  // iCloud
  { id: 'icloud-policy', code: '5yz', text: ['[cs01]', '[hm08]', '[hc1]', '[hcm1]', '[bs02]', 'message rejected due to local policy'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://support.apple.com/102322' },
  { id: 'icloud-rate', code: '4yz', text: ['[hcm1]', '[hc1]', '[bs02]'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: 'https://support.apple.com/102322' },
  // GMX, web.de, mail.com, IONOS
  { id: 'gmx-no-mailbox', host: unitedInternet, code: 550, stage: 'rcpt', text: 'mailbox unavailable', relay: false,
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: 'https://postmaster.gmx.net/en/error-messages' },
  { id: 'gmx-no-mailbox-link', code: 550, stage: 'rcpt', text: ['mailbox unavailable * postmaster.gmx.*', 'mailbox unavailable * postmaster.web.de', 'mailbox unavailable * postmaster.mail.com', 'mailbox unavailable * postmaster.ionos.*', 'mailbox unavailable * postmaster.1und1.de'], relay: false,
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: 'https://postmaster.gmx.net/en/error-messages' },
  { id: 'gmx-no-service', code: 554, text: ['nemesis esmtp service not available', 'no smtp service', 'reject due to policy *', 'bad dns ptr *'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://postmaster.gmx.net/en/error-messages' },
  // QQ, NetEase, Coremail
  { id: 'qq-rate', code: '5yz', text: ['frequency limited', 'frequency limit*'],
    category: 'rate', scope: 'destination', action: 'slow-down', afterMs: 10 * minute, source: 'https://smtp.codes/qq' },
  { id: 'qq-recipient-rate', code: '5yz', text: 'mailbox unavailable or access denied',
    category: 'rate', scope: 'recipient', action: 'fail', source: 'https://smtp.codes/qq' },
  { id: 'qq-content', code: '5yz', text: ['mail content denied', 'mail is rejected by recipients'],
    category: 'content', scope: 'message', action: 'fail', source: 'https://smtp.codes/qq' },
  { id: 'netease-session', code: '4yz', text: ['mi:dmc', 'rp:drc'],
    category: 'rate', scope: 'session', action: 'reconnect', source: 'https://mail.163.com/help/help_spam_16.htm' },
  { id: 'netease-rate', text: ['hl:icc', 'hl:ifc', 'hl:ifq', 'hl:itc', 'mi:sfq', 'rp:qrc', 'rp:orq', 'hl:rep', 'mi:rep'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: 'https://mail.163.com/help/help_spam_16.htm' },
  { id: 'netease-content', text: ['dt:spm', 'dt:spb', 'dt:sum'],
    category: 'content', scope: 'message', action: 'retry', source: 'https://mail.163.com/help/help_spam_16.htm' },
  { id: 'netease-blocked', text: ['hl:ipb', 'hl:ihu', 'hl:mep', 'wm:bli', 'wm:blu', 'dt:rbl', 'mi:spb', 'mi:spf', 'mi:nhd', 'mi:nfs', 'mi:stc'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://mail.163.com/help/help_spam_16.htm' },
  // Orange, SFR, Laposte, Free
  { id: 'orange-no-mailbox', code: '5yz', stage: aboutRecipient, text: ['au moins un destinataire invalide'], relay: false, shared: false,
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: 'https://postmaster.orange.fr' },
  { id: 'orange-rate', code: '4yz', text: ['ofr004_104', 'ofr004_105', 'ofr_1*', 'trop de connexions', 'lpn*_104', 'lpn*_503', 'lpn_105'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: 'https://postmaster.orange.fr' },
  { id: 'sfr-pause', code: '4yz', text: ['sfr_in_1*', 'gu_eib_0*'],
    category: 'rate', scope: 'destination', action: 'pause', afterMs: 2 * hour, source: 'https://postmaster.sfr.fr' },
  { id: 'free-rate', text: ['too many spams from your ip', 'too many errors from your ip'],
    category: 'blocked', scope: 'sender', action: 'slow-down', source: 'http://postmaster.free.fr' },
  { id: 'laposte-sender', text: ['emetteur invalide', 'émetteur invalide', 'lpn007_405'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://bentonow.com/smtp-errors/laposte' },
  { id: 'laposte-refused', code: '5yz', text: ['mail rejete', 'service refuse', 'lpn007_510', 'ofr_506', 'ofr_999'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://postmaster.orange.fr' },
  // Comcast, T-Online, Mimecast, Rackspace, Mail.ru, Naver, docomo, SoftBank
  { id: 'comcast-rate', text: ['rl000001', 'rl000002', 'rl000003', 'rl000010'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: 'http://postmaster.comcast.net/mail-error-codes.html' },
  { id: 'comcast-blocked', text: ['es000001', 'es000010', 'bl0*', 'dm000001', 'cm000001'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'http://postmaster.comcast.net/mail-error-codes.html' },
  { id: 't-online-blocked', code: '5yz', text: ['a problem occurred * ask your postmaster'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://postmaster.t-online.de/index.en.html' },
  { id: 'mimecast-greylisted', code: 451, text: ['internal resource temporarily unavailable', 'internal resources are temporarily unavailable'],
    category: 'temporary-host', scope: 'recipient', action: 'delay', source: 'https://mimecastsupport.zendesk.com/hc/en-us/articles/34000709564691' },
  { id: 'rackspace-recipient-rate', text: 'mailbox received too much',
    category: 'rate', scope: 'recipient', action: 'retry', source: 'https://smtp.codes/rackspace' },
  { id: 'rackspace-rate', code: '4yz', text: ['received too many messages from a new or untrusted ip', '(g28)'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: 'https://smtp.codes/rackspace' },
  { id: 'naver-filtered', code: 421, text: ['is filtered and this connection will be closed', 'realip.naver.com'],
    category: 'blocked', scope: 'sender', action: 'slow-down', source: 'https://puffinknight.tistory.com/102' },
  { id: 'docomo-full', code: 552, text: 'too much mail data',
    category: 'mailbox-full', scope: 'recipient', action: 'fail', source: 'https://note.com/sendmagic/n/neb6bbe7e51cf' },
  { id: 'softbank-sender', host: ['*.softbank.jp', '*.softbank.ne.jp', '*.vodafone.ne.jp'], code: 553, text: 'does not exist',
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://note.com/sendmagic/n/n5afbf98aeb25' },
];

// biome-ignore format: a table, one rule in few lines
const pacingRules: readonly ReplyRule[] = [
  { id: 'tls-required', text: ['must issue a starttls', 'starttls first', 'starttls required', 'tls required', 'tls is required', 'encryption required', 'encryption needed', 'requires tls', 'requires encryption', 'only accepts tls', 'requiretls'],
    category: 'tls-policy', scope: 'session', action: 'retry', source: 'https://www.rfc-editor.org/rfc/rfc3207#section-4' },
  { id: 'session-full', code: '4yz', text: ['messages in this connection', 'messages in one connection', 'messages in this session', 'messages for this session', 'messages per connection', 'message per connection', 'messages per session', 'mails per session', 'mails in this session', 'mails per connection', 'too many transactions', 'transactions in this session', 'session limit*', 'connection limit of messages'],
    category: 'rate', scope: 'session', action: 'reconnect', source: 'https://www.rfc-editor.org/rfc/rfc9422' },
  { id: 'too-many-recipients', text: ['too many recipients', 'too much recipients', 'too many rcpt*', 'recipient limit*', 'number of recipients'],
    category: 'rate', scope: 'session', action: 'retry', source: `${rfc5321}#section-4.5.3.1.10` },
  { id: 'greylisted', code: '4yz', text: ['greylist*', 'graylist*', 'grey-list*', 'gray-list*', 'grey list*', 'gray list*', 'greylisting * enabled', 'postgrey*', 'milter-greylist', 'sqlgrey', 'серый список', 'серого списка', 'серые списки', '灰名单', '灰名單', 'グレイリスト*', 'グレーリスト*', 'liste grise'],
    category: 'temporary-host', scope: 'recipient', action: 'delay', source: 'https://www.rfc-editor.org/rfc/rfc6647' },
  { id: 'sending-quota', text: ['sending quota', 'sending limit*', 'message quota', 'daily * quota', 'hourly * quota', 'daily * limit', 'hourly * limit', 'relay limit', 'max emails per hour', 'messages per hour', 'messages per day', 'messages per minute', 'emails per hour', 'emails per day', 'quota of messages', 'recipients per hour', 'recipients per day'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: gmailCodes },
  { id: 'mailbox-full', text: ['mailbox * full', 'mailbox full', 'mail box * full', 'inbox * full', 'account * full', 'full mailbox', 'over quota', 'overquota', 'over * quota', 'mailbox quota', 'mail quota', 'disk quota', 'quota exceeded', 'exceeded * quota', 'exceeds * quota', 'exceeding * quota', 'quota limit', 'quota usage', 'quota violation', 'quota reached', 'storage quota', 'user quota', 'out of quota', 'storage limit', 'exceeded storage', 'storage allocation', 'mailbox size limit', 'mailbox limit', 'mailbox has exceeded', 'mailbox would exceed', 'mailbox exceeded', 'not have enough space', 'not enough space', 'not enough storage', 'no space left in mailbox', 'exhausted allowed storage', 'too many messages on the server', 'too many messages in * mailbox', 'space has been used up', 'blocks limit exceeded', 'exceeding receiving limits'],
    category: 'mailbox-full', scope: 'recipient', action: 'retry', source: `${rfc3463}#section-3.3` },
  { id: 'mailbox-full-words', text: [
      'postfach * voll', 'postfach voll', 'mailbox * voll', 'mailbox voll', 'speichervolumen', 'speicherplatz', 'kontingent', 'zuviele mails', 'zu viele mails', 'postvak * vol', 'mailbox vol',
      'boite * pleine', 'boîte * pleine', 'quota dépassé', 'quota depasse', 'quota * dépassé', 'buzón lleno', 'buzon lleno', 'buzón * lleno', 'buzon * lleno', 'cuota excedida', 'caixa * cheia', 'caixa * lotada', 'cota excedida', 'casella * piena', 'casella piena', 'spazio esaurito', 'skrzynka * pełna', 'skrzynka * przepełniona', 'skrzynka przepełniona', 'schránka * plná', 'schranka * plna', 'mailová schránka je plná',
      'ящик переполнен', 'ящик * переполнен', 'ящик заполнен', 'превышена квота', 'квота * превышена', 'переполнен*', '已满', '已滿', '空间不足', '空間不足', '容量不足', '容量已', '超出容量', '超过容量', 'がいっぱい', '容量オーバー', '容量を超え', '容量超過', '満杯', '용량 초과', '용량이 초과', '용량을 초과', '가득'],
    category: 'mailbox-full', scope: 'recipient', action: 'retry', source: 'https://www.sitepackage.de/service/dokumentation/auswertung/typische-fehlermeldungen-bei-unzustellbarkeit.html' },
  { id: 'too-large', text: ['message too large', 'message too big', 'message is too large', 'message is too big', 'message is too long', 'message size', 'mail size', 'size exceeds', 'exceeds * size', 'exceeds * maximum', 'exceeded * size', 'too large', 'too big', 'size limit', 'maximum size', 'mailsize limit', 'nachricht ist zu gro*', 'nachricht zu gro*', 'message trop *', 'mensaje demasiado', 'mensagem muito grande', 'messaggio troppo', 'слишком большое', 'размер письма', '邮件过大', '郵件過大', '邮件太大', 'サイズが'],
    category: 'content', scope: 'message', action: 'fail', source: 'https://www.rfc-editor.org/rfc/rfc1870#section-6' },
  { id: 'recipient-rate', text: ['messages for this user', 'messages to this user', 'messages for this recipient', 'messages to this recipient', 'messages to the same recipient', 'messages for this mailbox', 'messages to this mailbox', 'recipient * receiving too many', 'recipient * too many messages', 'mailbox * receiving too', 'mailbox * too many messages', 'user * receiving too many', 'account * receiving too many', 'recipient rate limit', 'recipient * rate limit', 'recipient * throttl*'],
    category: 'rate', scope: 'recipient', action: 'retry', source: 'https://smtp.codes/rackspace' },
  { id: 'slow-down', code: '4yz', text: ['back off', 'slow your', 'fewer messages', 'fewer connections', 'limiting mail from', 'limiting connections', 'rate limit*', 'rate-limit*', 'ratelimit*', 'rate exceeded', 'rate is too high', 'rate too high', 'exceeded * rate', 'too fast', 'too quickly', 'slow down', 'slower', 'throttl*', 'too many connections', 'too many concurrent', 'too many simultaneous', 'too many sessions', 'too many open', 'too many smtp', 'too many parallel', 'too many messages', 'too many mails', 'too many emails', 'too many e-mails', 'too much mail', 'too much traffic', 'too much spam', 'too many requests', 'too many attempts', 'too many connection*', 'too many * connections', 'too many * sessions', 'connection limit*', 'connection rate', 'connections per', 'concurrent connections', 'concurrency limit', 'simultaneous connections', 'message rate', 'sending rate', 'excessive volume', 'unexpected volume', 'excessive traffic', 'unusual traffic', 'volume * exceeded', 'limit exceeded', 'exceeded * limit', 'exceeds * limit', 'frequency', 'flood*', 'reduce * rate', 'reduce * connections', 'maximum number of connections', 'max * connections', 'maximum * connections', 'server busy', 'server is busy', 'too busy', 'network is busy'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: `${rfc5321}#section-4.5.4.1` },
  { id: 'slow-down-words', code: '4yz', text: [
      'zu viele verbindungen', 'zu viele gleichzeitige', 'zu schnell', 'trop de messages', 'trop de connexion*', 'trop rapide*', 'ralentissez', 'demasiadas conexiones', 'demasiados mensajes', 'muitas conexões', 'muitas mensagens', 'troppe connessioni', 'troppi messaggi', 'zbyt wiele', 'příliš mnoho', 'te veel verbindingen',
      'слишком много', 'слишком часто', 'превышен лимит', 'превышено количество', 'лимит * превышен', '频率', '頻率', '过于频繁', '過於頻繁', '连接过多', '连接数过', '並發連接', '并发连接', '超过限制', '超出限制', '数量超过', '送信制限', '接続数', '同時接続', '流量制限', '발송 제한', '동시 접속', '연결이 너무'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: 'https://postmaster.orange.fr' },
  { id: 'slow-down-refusal', code: '5yz', text: ['rate limit*', 'ratelimit*', 'rate exceeded', 'throttl*', 'too many connections', 'too many concurrent', 'too many messages', 'too many mails', 'too many emails', 'too many e-mails', 'frequency limit*', 'flood*', 'try again slower', '频率', '頻率'],
    category: 'rate', scope: 'destination', action: 'slow-down', source: 'https://smtp.codes/qq' },
  { id: 'mail-flood', enhanced: '*.7.28', category: 'rate', scope: 'destination', action: 'slow-down', source: iana },
];

// biome-ignore format: a table, one rule in few lines
const refusalRules: readonly ReplyRule[] = [
  { id: 'unverified-recipient', code: '4yz', text: ['unverified address', 'address verification in progress', 'recipient verification', 'verification in progress', 'could not verify recipient', 'unable to verify address'],
    category: 'temporary-host', scope: 'recipient', action: 'retry', source: 'https://www.postfix.org/ADDRESS_VERIFICATION_README.html' },
  { id: 'mailbox-closed', code: '5yz', stage: aboutRecipient, text: ['not listed in * address book', 'blocked due to inactivity', 'disabled due to inactivity', 'closed due to inactivity', 'mailbox * inactive for', 'not listed in * directory', 'not listed in domino', 'account closed', 'account is closed', 'account has been closed', 'mailbox closed', 'mailbox * closed', 'user is terminated'], relay: false, shared: false,
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: `${rfc3463}#section-3.3` },
  { id: 'relay-refused', text: ['relaying * not allowed', 'not a gateway', 'no longer relays', 'auth failed', 'relay access denied', 'relay not permitted', 'relaying not permitted', 'relay denied', 'relaying denied', 'relaying disallowed', 'relaying not allowed', 'relay not allowed', 'relay prohibited', 'relaying prohibited', 'relay disabled', 'relaying disabled', 'relay operation rejected', 'unable to relay', 'not allowed to relay', 'cannot relay', "can't relay", 'not permitted to relay', 'denies relay', 'no relay*', 'not relaying', 'we do not relay', 'do not relay', 'list of allowed rcpthosts', 'allowed rcpthosts', 'rcpthosts', 'not an open relay', 'relay to * not', 'relaying to * not', 'relay service', 'relay not granted', 'relay forbidden', 'relay rejected', 'invalid account. tenant or domain not found', 'weiterleitung nicht', 'relais refusé', 'relais interdit', 'пересылка запрещена', 'ретрансляция запрещена', '禁止转发', '拒绝转发', '中継は許可', '中継拒否'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://www.postfix.org/SMTPD_ACCESS_README.html' },
  { id: 'authentication-required', text: ['authentication needed', 'need to authenticate', 'needs authentication', 'authentication required', 'authentication is required', 'requires authentication', 'must authenticate', 'must be authenticated', 'not authenticated', 'smtp authentication', 'authenticate first', 'without authentication', 'login required', 'authorization required', 'auth required', 'auth first', 'pop before smtp', 'pop-before-smtp', 'please log in', '需要认证', '需要验证', '認証が必要', 'требуется авторизация', 'требуется аутентификация'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://www.rfc-editor.org/rfc/rfc4954#section-6' },
  { id: 'sender-refused', text: ['return address', 'mail from user', 'mail from address', 'mail from * unknown', 'forgery', 'refused to receive', 'domain is not allowed', 'sender * not in my domain', 'sender verif*', 'sender address*', 'sender rejected', 'sender * rejected', 'sender denied', 'sender * denied', 'sender blocked', 'sender * blocked', 'sender refused', 'sender * not allowed', 'sender not allowed', 'sender domain*', "sender's domain", 'sender unknown', 'sender is *', 'sender must', 'sender ip', "sender's ip", 'sender host', 'sender * not found', 'sender * does not exist', 'invalid sender', 'envelope sender', 'bad sender*', 'unknown sender', 'unroutable sender', 'sender not', 'sender has', 'suspected spam sender', 'mail from domain', 'mail from * does not exist', 'from domain', 'from address', 'return path', 'return-path', 'reverse-path', 'your domain', 'your email address', 'your e-mail address', 'your address', 'your account', 'by sender', 'backscatter', 'null sender', 'null reverse', 'callout', 'call-out', 'callback verif*', 'badsender*', 'badmailfrom', 'domain of sender', 'denied sender', 'spoof*', 'forged', 'impersonat*', 'own domain', 'members-only', 'non-member', 'not allowed to post',
      'absender*', 'expéditeur', 'expediteur', 'emetteur', 'émetteur', 'remitente', 'remetente', 'mittente', 'odesílatel*', 'odesilatel*', 'nadawc*', 'afzender*', 'отправител*', 'gönderen', '发件人', '发信人', '发送方', '寄件人', '寄件者', '發件人', '送信者', '送信元', '差出人', '발신자', '보낸 사람', '보낸사람'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://www.exim.org/exim-html-current/doc/html/spec_html/ch-access_control_lists.html' },
  { id: 'unauthenticated', text: ['spf', 'spf:', '[spf]', 'dkim', 'dmarc', 'dmarcrejection', 'openspf*', 'unauthenticated mail', 'unauthenticated email', 'not authorized to send', 'not authorised to send', 'not allowed to send', 'not permitted to send', 'permitted by * policy', 'is not designated', 'authentication checks', 'authentication information', 'authentication policy', 'does not pass authentication'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://www.rfc-editor.org/rfc/rfc7372' },
  { id: 'no-reverse-name', text: ['ptr', 'rdns', 'reverse dns', 'reverse-dns', 'reverse hostname', 'reverse host*', 'reverse lookup', 'reverse mapping', 'reverse name', 'reverse address', 'cannot find your hostname', 'cannot find your reverse', 'hostname * does not match', 'ip name lookup failed', 'ip name possibly forged', 'name lookup failed', 'cannot resolve your', 'dynamic ip*', 'dynamic host*', 'dynamic address*', 'generic hostname', 'generic dns', 'residential', 'unresolvable relay host', 'fcrdns', 'reverse-dns-eintrag', 'обратная зона', 'обратной зоны', '反向解析', '逆引き'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://www.postfix.org/postconf.5.html#reject_unknown_client_hostname' },
  { id: 'hello-refused', text: ['helo', 'ehlo', 'helo/ehlo', 'hello', 'fully qualified', 'fully-qualified', 'bad hostname', 'invalid hostname'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://www.postfix.org/postconf.5.html#reject_invalid_helo_hostname' },
  { id: 'spam', stage: aboutContent, text: ['spam content*', 'suspicion of spam', 'suspected spam', 'looks like spam', 'look like spam', 'classified as spam', 'considered * spam', 'identified as spam', 'detected as spam', 'marked as spam', 'spam detected', 'spam message', 'spam or virus', 'spam/virus', 'spam score', 'spam rejected', 'rejected as spam', 'message * spam', 'mail * spam', 'content * spam', 'likely unsolicited', 'unsolicited mail', 'virus', 'virus*', 'malware', 'phish*', 'infected', 'junk mail', 'junkmail', 'anti-spam engine', 'is spam', 'спам', '垃圾邮件', '垃圾郵件', '迷惑メール', '스팸'],
    category: 'content', scope: 'message', action: 'fail', source: 'https://www.yandex.com/support/mail/bounces/other.html' },
  { id: 'reputation', text: ['directory harvest*', 'harvest attack', 'dictionary attack*', 'too many invalid', 'too many unknown', 'too many nonexistent', 'too many non-existent', 'too many bad recipients', 'too many rejected recipients', 'too many failed recipients', 'block list*', 'blocklist*', 'block-list*', 'blacklist*', 'black list*', 'black-list*', 'blackhole*', 'denylist*', 'blocked', 'blocked using', 'banned', 'reputation', 'rbl', 'dnsbl', 'dnswl', 'uribl', 'surbl', 'dbl', 'spamhaus', 'spamhaus*', 'spamcop', 'spamrats', 'sorbs', 'abuseat', 'barracudacentral', 'barracudacentral.org', 'invaluement', 'ivmsip', 'ivmuri', 'senderscore', 'cloudmark*', 'csi.cloudmark.com', 'ipcheck.proofpoint.com', 'manitu', 'uceprotect*', 'truncate.gbudb.net', 'mailspike*', 'talosintelligence*', 'senderbase*', 'trustedsource*', 'cbl', 'pbl', 'sbl', 'xbl', 'zen', 'listed at', 'listed in', 'listed on', 'listed by', 'is listed', 'poor score', 'bad score', 'your ip', 'your ip address', 'ip address', 'your network', 'your server', 'your host', 'your mail server', 'your isp', 'client host', 'client address', 'sending ip', 'sending host', 'source ip', 'remote ip', 'ip not allowed', 'bad ip', 'user complaints', 'complaints', 'spammer*', 'spam source', 'not accepting mail from', 'not accept mail from', 'not accepted from', 'no access from', 'access from', 'mail from * refused', 'connection refused', 'connection rejected', 'connection denied', 'connections from', 'go away', 'not welcome', 'sperrliste', 'gesperrt', 'blockiert', 'liste noire', 'lista negra', 'lista nera', 'czarnej li*', 'zablokowan*', 'zabloková*', 'bloqué*', 'bloquead*', 'bloccat*', 'geblokkeerd', 'заблокирован*', 'черный список', 'чёрный список', 'черном списке', 'чёрном списке', '黑名单', '黑名單', 'ブラックリスト', 'ブロック', '블랙리스트', '차단'],
    category: 'blocked', scope: 'sender', action: 'fail', source: 'https://www.spamhaus.org/faqs/' },
];

// biome-ignore format: a table, one rule in few lines
const mailboxRules: readonly ReplyRule[] = [
  { id: 'temporarily-disabled', code: '5yz', stage: aboutRecipient, text: ['temporarily disabled', 'temporarily suspended', 'temporarily inactive', 'temporarily unavailable', 'temporarily locked', 'disabled temporar*', 'suspended temporar*', 'user suspended', 'account suspended', 'account is suspended', 'account * suspended', 'mailbox * suspended', 'user is locked', 'account is locked', 'account * locked', 'user hangup', 'suspended user', 'recipient suspend*'],
    category: 'unknown-reason', scope: 'recipient', action: 'fail', source: 'https://www.icoremail.vip/support/index.php?cate_id=84' },
  { id: 'not-verified', code: [550, 551, 553, 554], stage: aboutRecipient, text: ['unable to verify', 'could not verify', 'cannot verify', 'cannot be verified', 'could not be verified', 'verification in progress', 'verification failed', 'verify failed', 'verify callout', 'lookup fail*', 'lookup error', 'system error', 'internal error', 'server error', 'database error', 'database unavailable', 'directory unavailable', 'temporary failure', 'temporary error', 'greylist*', 'graylist*', 'try again later', 'try later'],
    category: 'unknown-reason', scope: 'recipient', action: 'fail', source: 'https://www.postfix.org/ADDRESS_VERIFICATION_README.html' },
  { id: 'no-such-user', code: '5yz', stage: aboutRecipient, relay: false, shared: false, text: ['user not a member of domain', 
      'user unknown', 'unknown user', 'unknown recipient', 'recipient unknown', 'unknown mailbox', 'mailbox unknown', 'unknown address', 'address unknown', 'addressee unknown', 'unknown addressee', 'unknown account', 'account unknown', 'unknown local part', 'unknown local-part', 'unknown email address', 'unknown e-mail address', 'unknown to address', 'unknown or illegal alias', 'unknown alias', 'unknown virtual', 'user is unknown', 'recipient is unknown', 'user * is unknown', 'user * unknown', 'address is unknown',
      'no such user*', 'no such recipient', 'no such mailbox', 'no such mail box', 'no such address', 'no such account', 'no such person', 'no such local user', 'no such id', 'no such customer', 'no such alias', 'no such email', 'no such name', 'nosuchuser', 'no mailbox here', 'no mail-box here', 'no mailbox by that name', 'no mailbox found', 'no mailbox', 'no local mailbox', 'no account by that name', 'no user by that name', 'no user with', 'no recipient with', 'mailbox by that name', 'user by that name', 'account by that name', 'no one at this address', 'nobody by that name', 'no user record found', 'no address found', 'no matching recipient', // english-ok
      'user not found', 'user * not found', 'recipient not found', 'recipient * not found', 'recipientnotfound', 'mailbox not found', 'mailbox * not found', 'account not found', 'account * not found', 'address not found', 'address * not found', 'addressee not found', 'could not be found', 'was not found', 'user not known', 'user is not known', 'recipient not known', 'not known here', 'user not exist*', 'recipient not exist*', 'mailbox not exist*', 'mailbox not present', 'recipient is not exist*', 'not exists that user', "don't exists that user",
      'user does not exist', "user doesn't exist", 'user * does not exist', "user * doesn't exist", 'recipient does not exist', "recipient doesn't exist", 'recipient * does not exist', 'mailbox does not exist', "mailbox doesn't exist", 'mailbox * does not exist', 'account does not exist', 'account * does not exist', 'account does no exists', 'account that you tried to reach does no*', "account doesn't exist", 'address does not exist', 'address * does not exist', "address doesn't exist", "address * doesn't exist", 'rcpt * does not exist', 'addressee does not exist', 'name does not exist', 'non-existent user', 'nonexistent user', 'non existent user', 'nonexistent mailbox', 'non-existent mailbox', 'nonexistent recipient', 'nonexistent address', 'non-existent address', 'not exist here', 'does not have an account', "doesn't have an account", "hasn't got the service mapped",
      'invalid recipient*', 'recipient invalid', 'recipient is invalid', 'invalid mailbox', 'mailbox invalid', 'mailbox is invalid', 'invalid user', 'user invalid', 'user is invalid', 'invalid account', 'invalid address', 'address invalid', 'address is invalid', 'address is marked as invalid', 'invalid rcpt to', 'invalid local part', 'invalid or unknown', 'invalid/inactive user', 'not a valid user', 'not a valid mailbox', 'not a valid recipient', 'not a valid address', 'not a valid email', 'not a valid e-mail', 'not a valid account', 'not a known user', 'not a known recipient', 'not a user', 'not a local user', 'not an active address', 'not a deliverable address', 'not our customer', 'not user of this server', 'no longer valid', 'no longer exists', 'no longer available', 'no longer active', 'no longer in use', 'no longer a valid', 'wrong address', 'bad destination mailbox address', 'bad destination address', 'bad recipient*', 'bad-recipient', 'badrcptto', 'recipient unrecognized', 'unrecognized recipient', 'unrecognised recipient', 'undeliverable address', 'archived recipient',
      'mailbox is disabled', 'mailbox disabled', 'mailbox * disabled', 'account is disabled', 'account disabled', 'account has been disabled', 'account * disabled', 'user disabled', 'user is disabled', 'user * is disabled', 'mailbox is inactive', 'mailbox inactive', 'inactive mailbox', 'account is inactive', 'account inactive', 'inactive account', 'inactive user', 'inactive recipient', 'inactive mbox', 'inactive email', 'user is inactive', 'user inactive', 'user not active', 'user is not active', 'account is not active', 'account not active', 'deactivated mailbox', 'deactivated account', 'disabled or discontinued', 'disabled recipient', 'disableduser', 'account deleted', 'mailbox deleted', 'has been deleted', 'has been deactivated', 'has been closed', 'has been terminated'],
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: `${rfc3463}#section-3.2` },
  { id: 'no-such-user-words', code: '5yz', stage: aboutRecipient, relay: false, shared: false, text: [
      'benutzer unbekannt', 'benutzer nicht bekannt', 'unbekannter benutzer', 'benutzer nicht gefunden', 'benutzer existiert nicht', 'benutzer * existiert nicht', 'empfänger unbekannt', 'empfaenger unbekannt', 'unbekannter empfänger', 'unbekannter empfaenger', 'empfänger nicht gefunden', 'empfaenger nicht gefunden', 'empfänger existiert nicht', 'empfaenger existiert nicht', 'empfänger * existiert nicht', 'empfaenger * existiert nicht', 'empfängeradresse * existiert nicht', 'empfängeradresse existiert nicht', 'empfängeradresse unbekannt', 'empfaengeradresse * existiert nicht', 'postfach existiert nicht', 'postfach * existiert nicht', 'postfach unbekannt', 'postfach nicht gefunden', 'postfach nicht vorhanden', 'postfach * nicht vorhanden', 'kein solches postfach', 'kein postfach', 'adresse existiert nicht', 'adresse * existiert nicht', 'adresse unbekannt', 'adresse * unbekannt', 'adresse nicht gefunden', 'konto existiert nicht', 'konto * existiert nicht', 'konto nicht gefunden', 'kein solcher benutzer', '*adresse existiert nicht', '*adresse * existiert nicht', '*adresse ist unbekannt', '*adresse ist nicht bekannt', '*adresse * unbekannt', '*adresse ist ungültig', 'empfänger * unbekannt', 'empfaenger * unbekannt', 'unbekannte *adresse', 'unbekannte empfänger*', 'benutzer * unbekannt', 'benutzer * nicht bekannt', 'postfach * unbekannt', 'konto * unbekannt', 'konto unbekannt', 'existiert hier nicht', 'kein benutzer', 'kein empfänger', 'mailbox existiert nicht', 'mailbox * existiert nicht', 'mailbox unbekannt',
      'utilisateur inconnu', 'utilisateur * inconnu', 'utilisateur inexistant', 'destinataire inconnu', 'destinataire inexistant', 'destinataire invalide', 'destinataire * inconnu', 'adresse inconnue', 'adresse * inconnue', 'adresse inexistante', 'adresse * inexistante', 'adresse invalide', 'boite inexistante', 'boîte inexistante', 'boite * inexistante', 'boîte * inexistante', 'boite * inconnue', 'boîte * inconnue', 'compte inexistant', 'compte inconnu', "utilisateur n'existe pas", "destinataire n'existe pas", "adresse n'existe pas", "adresse * n'existe pas", "compte n'existe pas", "boite * n'existe pas", "boîte * n'existe pas", "destinataire * n'existe pas", "utilisateur * n'existe pas",
      'usuario desconocido', 'correo no existe', 'correo * no existe', 'usuario inexistente', 'usuario no existe', 'usuario * no existe', 'usuario no encontrado', 'no existe el usuario', 'no existe ese usuario', 'no existe dicha persona', 'destinatario desconocido', 'destinatario inexistente', 'destinatario no existe', 'destinatario * no existe', 'cuenta no existe', 'cuenta * no existe', 'cuenta inexistente', 'dirección no existe', 'direccion no existe', 'dirección * no existe', 'buzón no existe', 'buzon no existe', 'buzón * no existe', 'buzon * no existe', 'buzón inexistente', 'buzon inexistente',
      'usuário desconhecido', 'utilizador desconhecido', 'utilizador inexistente', 'utilizador não existe', 'utilizador nao existe', 'usuario desconhecido', 'usuário inexistente', 'usuário não existe', 'usuario nao existe', 'usuário * não existe', 'usuário não encontrado', 'usuario nao encontrado', 'destinatário desconhecido', 'destinatário inexistente', 'destinatario inexistente', 'destinatário não existe', 'destinatário não encontrado', 'destinatário * não existe', 'conta inexistente', 'conta não existe', 'conta * não existe', 'conta nao existe', 'caixa * inexistente', 'caixa * não existe', 'endereço inexistente', 'endereço não existe', 'endereco inexistente',
      'utente sconosciuto', 'utente inesistente', 'utente non trovato', 'utente non esiste', 'utente * non esiste', 'destinatario sconosciuto', 'destinatario inesistente', 'destinatario non trovato', 'indirizzo inesistente', 'indirizzo sconosciuto', 'indirizzo * non esiste', 'casella inesistente', 'casella * inesistente', 'casella * non esiste', 'account inesistente',
      'onbekende gebruiker', 'gebruiker onbekend', 'gebruiker bestaat niet', 'gebruiker * bestaat niet', 'onbekende ontvanger', 'ontvanger onbekend', 'ontvanger bestaat niet', 'adres bestaat niet', 'adres * bestaat niet', 'postvak bestaat niet', 'mailbox bestaat niet',
      'nie ma takiego użytkownika', 'nie ma takiego uzytkownika', 'nie ma takiego konta', 'nieznany użytkownik', 'nieznany uzytkownik', 'nieznany odbiorca', 'nieznany adresat', 'adresat nieznany', 'użytkownik nie istnieje', 'uzytkownik nie istnieje', 'konto nie istnieje', 'konto * nie istnieje', 'skrzynka nie istnieje', 'skrzynka * nie istnieje', 'odbiorca nie istnieje', 'adres nie istnieje', 'uživatel neexistuje', 'uzivatel neexistuje', 'schránka neexistuje', 'schranka neexistuje', 'adresa neexistuje', 'adresát neexistuje', 'adresat neexistuje', 'příjemce neexistuje', 'prijemce neexistuje', 'neznámý uživatel', 'neznamy uzivatel', 'uživatel * neexistuje', 'schránka * neexistuje',
      'okänd användare', 'okänd mottagare', 'användaren finns inte', 'ukendt bruger', 'ukendt modtager', 'ukjent bruker', 'ukjent mottaker', 'tuntematon käyttäjä', 'tuntematon vastaanottaja', 'ismeretlen felhasználó', 'ismeretlen címzett', 'utilizator necunoscut', 'utilizator inexistent', 'kullanıcı bulunamadı', 'böyle bir kullanıcı yok', 'alıcı bulunamadı', 'άγνωστος χρήστης', 'άγνωστος παραλήπτης',
      'пользователь не найден', 'пользователь * не найден', 'пользователь не существует', 'пользователь * не существует', 'пользователь неизвестен', 'неизвестный пользователь', 'неизвестный получатель', 'неизвестный адресат', 'нет такого пользователя', 'нет такого получателя', 'нет такого адресата', 'нет такого почтового ящика', 'нет такого ящика', 'нет такого адреса', 'нет такого аккаунта', 'такого пользователя нет', 'такого пользователя не существует', 'такого адреса нет', 'такого адреса не существует', 'такого ящика нет', 'такого почтового ящика не существует', 'такой пользователь не', 'такой адрес не', 'такой почтовый ящик не', 'такой ящик не', 'ящик не найден', 'ящик * не найден', 'ящик не существует', 'ящик * не существует', 'ящика не существует', 'получатель не найден', 'получатель не существует', 'получатель * не найден', 'получатель * не существует', 'получатель неизвестен', 'адресат не найден', 'адресат не существует', 'адресат неизвестен', 'адрес не найден', 'адрес не существует', 'адрес * не существует', 'адрес получателя не', 'аккаунт не существует', 'аккаунт не найден', 'учетная запись не', 'учётная запись не', 'ящик * удален', 'ящик удален', 'невідомий користувач', 'користувача не знайдено', 'користувач не існує', 'скринька не існує',
      '用户不存在', '用户未找到', '找不到用户', '找不到该用户', '无此用户', '无此收件人', '無此收件人', '没有此收件人', '收信人不存在', '收信人地址不存在', '无此邮箱', '没有这个用户', '不存在该用户', '不存在此用户', '用户已注销', '邮箱已注销', '帐号已注销', '账号已注销', '没有此用户', '没有该用户', '用户名不存在', '未知用户', '邮箱不存在', '郵箱不存在', '邮箱地址不存在', '邮件地址不存在', '电子邮件地址不存在', '收件人不存在', '收件人地址不存在', '收件人邮箱不存在', '收件人帐号不存在', '收件人账号不存在', '收件人未找到', '无效的收件人', '无效收件人', '收件人无效', '地址不存在', '帐号不存在', '账号不存在', '帐户不存在', '账户不存在', '信箱不存在', '查无此人', '查无此用户', '查無此人', '使用者不存在', '找不到使用者', '無此使用者', '無此用戶', '用戶不存在', '收件者不存在', '帳號不存在', '帳戶不存在', '查無此帳號', '無此帳號',
      'ユーザーが存在しません', 'ユーザが存在しません', 'ユーザーは存在しません', 'ユーザは存在しません', 'ユーザーが見つかりません', 'ユーザが見つかりません', '存在しないユーザ', '存在しない宛先', '存在しないメールアドレス', '存在しないアドレス', '宛先が存在しません', '宛先は存在しません', '宛先不明', '宛先が見つかりません', '宛先アドレスが存在しません', 'メールアドレスが存在しません', 'メールアドレスは存在しません', 'メールアドレスが見つかりません', 'アドレスが存在しません', 'アドレスは存在しません', 'アドレスが見つかりません', 'アドレスは使われておりません', 'メールボックスが存在しません', 'メールボックスは存在しません', 'メールボックスが見つかりません', '受信者が存在しません', '受信者は存在しません', '受信者が見つかりません', '該当するユーザ', '該当ユーザ', '不明なユーザ', '不明な宛先', '宛先が不明', 'ユーザーがみつかりません', 'ユーザがみつかりません', '宛先がみつかりません', 'アドレスがみつかりません', 'ユーザーはいません', 'ユーザはいません', 'アドレスはありません', '宛先は無効', '宛先が無効', '無効な宛先', '無効なメールアドレス', 'アカウントが存在しません', 'アカウントは存在しません', '不明な受信者',
      '존재하지 않는 사용자', '존재하지 않는 수신자', '존재하지 않는 계정', '존재하지 않는 메일', '존재하지 않는 이메일', '존재하지 않는 주소', '사용자가 존재하지', '사용자를 찾을 수', '수신자가 존재하지', '수신자를 찾을 수', '계정이 존재하지', '주소가 존재하지', '없는 사용자', '없는 수신자', '알 수 없는 사용자', '메일함이 존재하지'],
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: 'https://www.sitepackage.de/service/dokumentation/auswertung/typische-fehlermeldungen-bei-unzustellbarkeit.html' },
  { id: 'policy', text: ['closed for', 'from outside', 'outside senders', 'external senders', 'internal use only', 'internal senders', 'spam', 'spammer*', 'spamming', 'administrative prohibition', 'administratively *', 'policy', 'policies', 'prohibited', 'not permitted', 'not authorized', 'not authorised', 'unauthorized', 'unauthorised', 'restricted', 'restriction*', 'access denied', 'access restricted', 'access forbidden', 'forbidden', 'security reason*', 'security policies', 'permission denied', 'denied by', 'rejected by', 'refused by', 'bypass list', "doesn't want your mail", 'does not want', 'recipient refuses', 'recipient rejects', 'reject list', 'filter*', 'firewall', 'abgelehnt', 'zugriff verweigert', 'nicht erlaubt', 'accès refusé', 'acces refuse', 'acceso denegado', 'acesso negado', 'accesso negato', 'доступ запрещен', 'доступ запрещён', 'запрещено', '拒绝', '拒絕', '禁止', '拒否', '거부'],
    code: '5yz', stage: ['greeting', 'ehlo', 'helo', 'mail', 'rcpt'],
    category: 'blocked', scope: 'sender', action: 'fail', source: `${rfc3463}#section-3.8` },
  { id: 'null-mx', enhanced: '*.1.10', text: ['null mx', 'nullmx', 'no mail service', 'does not accept mail', 'accepts no mail'],
    category: 'bad-domain', scope: 'recipient', action: 'fail', source: 'https://www.rfc-editor.org/rfc/rfc7505#section-4.2' },
  { id: 'domain-takes-no-mail', code: 556, category: 'bad-domain', scope: 'destination', action: 'fail', source: 'https://www.rfc-editor.org/rfc/rfc7504#section-4' },
  { id: 'host-takes-no-mail', code: 521, stage: [...beforeMail, 'mail'], category: 'bad-domain', scope: 'destination', action: 'fail', source: 'https://www.rfc-editor.org/rfc/rfc7504#section-2' },
];

// biome-ignore format: a table, one rule in few lines
const messageRules: readonly ReplyRule[] = [
  { id: 'message-refused', code: '5yz', stage: aboutContent, text: ['message refused', 'message rejected', 'message denied', 'message not accepted', 'message was not accepted', 'message has been rejected', 'message was rejected', 'mail rejected', 'mail refused', 'email rejected', 'e-mail rejected', 'content rejected', 'content denied', 'content refused', 'content reject', 'malformed', 'attachment*', 'header*', 'line too long', 'lines too long', 'nachricht abgelehnt', 'nachricht wurde abgelehnt', 'письмо отклонено', 'сообщение отклонено', '邮件被拒', '内容', 'コンテンツ'],
    category: 'content', scope: 'message', action: 'fail', source: `${rfc3463}#section-3.7` },
  { id: 'routing-loop', text: ['mail loop', 'mailloop', 'routing loop', 'too many hops', 'hop count', 'loops back', 'loop detected', 'looping'],
    category: 'protocol', scope: 'recipient', action: 'fail', source: `${rfc5321}#section-6.3` },
  { id: 'no-such-domain', code: '5yz', stage: aboutRecipient, text: ['host unknown', 'unknown host', 'unknown domain', 'domain unknown', 'domain not found', 'no such domain', 'domain does not exist', "domain doesn't exist", 'domain is not hosted', 'domain not hosted', 'not a local domain', 'host or domain name not found', 'no mx', 'recipient domain*'],
    category: 'bad-domain', scope: 'recipient', action: 'fail', source: `${rfc3463}#section-3.2` },
  { id: 'bad-mailbox-code', enhanced: ['5.1.1', '5.1.6', '5.1.10', '5.2.1', '5.7.17'], stage: aboutRecipient, relay: false, shared: false,
    category: 'bad-mailbox', scope: 'recipient', action: 'suppress', source: `${rfc3463}#section-3.2` },
];

// biome-ignore format: a table, one rule in few lines
const enhancedRules: readonly ReplyRule[] = [
  { id: 'sender-code', enhanced: ['*.1.7', '*.1.8', '*.7.27'], category: 'blocked', scope: 'sender', action: 'fail', source: `${rfc3463}#section-3.2` },
  { id: 'no-such-domain-code', enhanced: ['5.1.2', '5.7.18'], category: 'bad-domain', scope: 'recipient', action: 'fail', source: `${rfc3463}#section-3.2` },
  { id: 'mailbox-full-code', enhanced: '*.2.2', category: 'mailbox-full', scope: 'recipient', action: 'retry', source: `${rfc3463}#section-3.3` },
  { id: 'too-large-code', enhanced: ['*.2.3', '*.3.4'], category: 'content', scope: 'message', action: 'fail', source: `${rfc3463}#section-3.3` },
  { id: 'unsupported-code', enhanced: ['*.1.9', '*.3.3'], category: 'protocol', scope: 'message', action: 'fail', source: `${rfc3463}#section-3.4` },
  { id: 'routing-loop-code', enhanced: '*.4.6', category: 'protocol', scope: 'recipient', action: 'fail', source: `${rfc3463}#section-3.5` },
  { id: 'tls-code', enhanced: ['*.7.10', '*.7.11', '*.7.30'], category: 'tls-policy', scope: 'session', action: 'retry', source: 'https://www.rfc-editor.org/rfc/rfc8689#section-4.2.1' },
  { id: 'content-code', enhanced: '*.6.*', category: 'content', scope: 'message', action: 'fail', source: `${rfc3463}#section-3.7` },
  { id: 'closing-rate', code: 421, enhanced: '4.7.*', category: 'rate', scope: 'destination', action: 'slow-down', source: `${rfc3463}#section-3.8` },
  { id: 'closing', code: 421, category: 'temporary-host', scope: 'destination', action: 'slow-down', source: `${rfc5321}#section-3.8` },
  { id: 'protocol-code', enhanced: ['5.5.*'], category: 'protocol', scope: 'session', action: 'fail', source: `${rfc3463}#section-3.6` },
  { id: 'security-code', enhanced: '5.7.*', category: 'blocked', scope: 'sender', action: 'fail', source: `${rfc3463}#section-3.8` },
  { id: 'system-code', enhanced: ['5.3.*', '5.4.*'], category: 'temporary-host', scope: 'recipient', action: 'fail', source: `${rfc3463}#section-3.4` },
];

// biome-ignore format: a table, one rule in few lines
const basicRules: readonly ReplyRule[] = [
  { id: 'session-deferred', code: '4yz', stage: beforeMail, category: 'temporary-host', scope: 'session', action: 'retry', source: `${rfc5321}#section-4.2.1` },
  { id: 'not-understood', code: [500, 501, 502, 503, 504], category: 'protocol', scope: 'session', action: 'fail', source: `${rfc5321}#section-4.2.2` },
  { id: 'session-refused', code: '5yz', stage: beforeMail, category: 'blocked', scope: 'sender', action: 'fail', source: `${rfc5321}#section-3.1` },
  { id: 'mail-refused', code: '5yz', stage: 'mail', category: 'blocked', scope: 'sender', action: 'fail', source: `${rfc5321}#section-3.3` },
  { id: 'full-by-code', code: 552, stage: 'rcpt', category: 'mailbox-full', scope: 'recipient', action: 'fail', source: `${rfc5321}#section-4.2.3` },
  { id: 'too-large-by-code', code: 552, category: 'content', scope: 'message', action: 'fail', source: `${rfc5321}#section-4.2.3` },
  { id: 'message-deferred', code: '4yz', stage: aboutContent, shared: true, category: 'temporary-host', scope: 'message', action: 'retry', source: `${rfc5321}#section-4.2.1` },
  { id: 'deferred', code: '4yz', category: 'temporary-host', scope: 'recipient', action: 'retry', source: `${rfc5321}#section-4.2.1` },
  { id: 'unknown-message', code: '5yz', stage: aboutContent, category: 'unknown-reason', scope: 'message', action: 'fail', source: `${rfc5321}#section-4.2.1` },
  { id: 'unknown', category: 'unknown-reason', scope: 'recipient', action: 'fail', source: `${rfc5321}#section-4.2.1` },
];

/** The default rules, in order. Together they match every 4yz and 5yz reply. */
export const defaultReplyRules: readonly ReplyRule[] = [
  ...providerRules,
  ...pacingRules,
  ...refusalRules,
  ...mailboxRules,
  ...messageRules,
  ...enhancedRules,
  ...basicRules,
];
