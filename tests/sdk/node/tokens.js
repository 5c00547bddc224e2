// The rule by which the server counts, written down a second time: a token is a
// word with the blanks in front of it, cut into pieces of six characters.

const TOKEN = 6;

export const ATTACHMENT = 258;

export function tokens(text) {
  return words(text).flatMap((word) => {
    const characters = [...word];
    const pieces = Math.ceil(characters.length / TOKEN);
    return Array.from({ length: pieces }, (_, at) => characters.slice(at * TOKEN, (at + 1) * TOKEN).join(''));
  });
}

/** What a stream hands out one by one. */
export function words(text) {
  return text.match(/\s*\S+|\s+$/gu) ?? [];
}

export function count(...texts) {
  return texts.reduce((sum, text) => sum + tokens(text).length, 0);
}
