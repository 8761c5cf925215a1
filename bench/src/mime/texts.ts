/** Texts to encode: the same on every machine, in the mixtures that real mail has. */

const ENGLISH = [
  'The order that you placed on Monday has left our warehouse and should reach you within three working days.',
  'Please keep this message for your records; the invoice is attached, and its number is 2031-4478.',
  'If no one is at home, the driver leaves the parcel with a neighbour or takes it to the nearest shop.',
  'Questions = answers: write to us, call us, or open the page https://www.example.com/orders?id=4478&lang=en',
  'With kind regards, and thank you for your trust.',
];
const ACCENTED = [
  'Votre commande a quitté notre entrepôt et sera livrée à l’adresse indiquée d’ici à trois jours ouvrés.',
  'Bitte heben Sie diese Nachricht für Ihre Unterlagen auf; die Rechnung über 49,90 € liegt bei.',
  'Se não houver ninguém em casa, a encomenda será entregue à vizinha ou à estação de correios mais próxima.',
  'Vänligen svara på det här meddelandet om något är fel; vår kundtjänst är öppen från åtta till sjutton.',
  'Pokud nebudete doma, zásilku předáme sousedům; číslo objednávky je 4478.',
];
const CJK = [
  '您的订单已经从我们的仓库发出，预计三个工作日内送达，请保存这封邮件作为凭证。',
  'ご注文の商品は本日発送いたしました。お届けまで三営業日ほどかかります。',
  '배송 중에 문제가 생기면 언제든지 고객 센터로 연락해 주세요. 감사합니다.',
  '如果家中无人，快递员会把包裹交给邻居或者送到最近的商店。',
];

/** English prose in lines of about 70 characters, as a mail program would write it. */
export function englishText(bytes: number): string {
  return fill(ENGLISH, bytes, '\r\n');
}

/** Several Latin-script languages; about one character in twenty is not ASCII. */
export function accentedText(bytes: number): string {
  return fill(ACCENTED, bytes, '\r\n');
}

/** Chinese, Japanese and Korean: nearly every character takes three octets. */
export function cjkText(bytes: number): string {
  return fill(CJK, bytes, '\r\n');
}

/** A newsletter's HTML: attributes, style rules, long lines. */
export function htmlText(bytes: number): string {
  const rows = ENGLISH.map(
    (sentence, i) =>
      `<tr class="row row-${i}"><td style="padding:0 24px;font-family:Arial,sans-serif;color:#33373d" width="100%">` +
      `<a href="https://www.example.com/track?u=${i}f3a9&amp;c=autumn">${sentence}</a></td></tr>`,
  );
  return fill(rows, bytes, '\r\n');
}

/** Subjects of all kinds: plain, accented, CJK, emoji; short and long. */
export function subjects(count: number): string[] {
  const kinds = [
    'Your order 4478 has been shipped',
    'Re: Re: minutes of the meeting on Thursday, and the figures that were missing from the first version',
    'Réservation confirmée : deux nuits à l’hôtel de la Gare, arrivée samedi après-midi',
    'Änderung Ihrer Lieferadresse',
    '您的订单已经发出，请查收附件中的发票',
    'ご注文ありがとうございます（注文番号 4478）',
    '🎉 Last days of the autumn sale 🍂 – up to 40 % off everything in the shop, and free delivery',
    'Invoice 2031-4478',
  ];
  return Array.from({ length: count }, (_, i) => `${kinds[i % kinds.length]} #${i}`);
}

/** Sentences with a running number, so that no two lines are equal, up to a number of UTF-8 octets. */
function fill(sentences: readonly string[], bytes: number, lineEnd: string): string {
  const lines: string[] = [];
  let size = 0;
  for (let i = 0; size < bytes; i++) {
    const line = `${i}. ${sentences[i % sentences.length]}`;
    lines.push(line);
    size += Buffer.byteLength(line) + lineEnd.length;
  }
  return lines.join(lineEnd) + lineEnd;
}
