import { expect } from 'chai';
import * as fc from 'fast-check';
import { linearPattern } from '../../../../data-plane/schemas/formats/linear-pattern.ts';

describe('patterns of JSON Schema', () => {
  const slow: [pattern: string, text: string][] = [
    ['^(a+)+$', `${'a'.repeat(50_000)}!`],
    ['^(a|a)*$', `${'a'.repeat(50_000)}!`],
    ['(x+x+)+y', 'x'.repeat(50_000)],
    ['^.*a.*b.*c.*d$', 'abc'.repeat(10_000)],
    ['\\s+$', `${' '.repeat(50_000)}x`],
  ];
  for (const [pattern, text] of slow) {
    it(`${pattern} takes time linear in the text`, () => {
      const compiled = linearPattern(pattern, 'u');
      const startMs = performance.now();
      expect(compiled.test(text)).to.equal(false);
      // V8 would take from seconds to for ever.
      expect(performance.now() - startMs).to.be.below(1_000);
    });
  }

  it('are refused as JavaScript refuses them', () => {
    for (const pattern of ['(', '[a', 'a**', 'a++', '(?>a)', '(?<n>a)(?<n>b)']) {
      expect(() => linearPattern(pattern, 'u'), pattern).to.throw(SyntaxError);
    }
  });

  it('are left to V8 where only it supports them', () => {
    for (const [pattern, yes, no] of [
      ['^(?=.*\\d)[a-z\\d]+$', 'a1', 'ab'],
      ['^(?<q>["\']).*\\k<q>$', '"x"', '"x\''],
      ['^(["\']).*\\1$', '"x"', '"x\''],
      ['^\\\\(a)\\1$', '\\aa', '\\a1'],
      ['^a{1001}$', 'a'.repeat(1_001), 'a'],
      ['^[^]$', '\n', ''],
    ] as const) {
      const compiled = linearPattern(pattern, 'u');
      expect([compiled.test(yes), compiled.test(no)], pattern).to.deep.equal([true, false]);
    }
  });

  const widened: [pattern: string, yes: string[], no: string[]][] = [
    ['^\\d{4}\\-\\d{2}$', ['2024-01'], ['2024_01']],
    ['^[\\w-\\.]+$', ['a-b.c'], ['a b', 'a,b']],
    ['^[+-\\d]+$', ['+-1'], [',']],
    ['^\\@\\_\\"$', ['@_"'], ['\\@_"']],
    ['(?i)^abc$', ['ABC', 'abc'], ['abd']],
    ['\\Aabc\\Z', ['abc'], ['AabcZ', 'xabc', 'abc\n']],
    ['^{?abc}?$', ['{abc}', 'abc'], ['{{abc']],
    ['^a{,3}$', ['a{,3}'], ['aa']],
    ['^{"x":{1,2}}$', ['{"x":}', '{"x"::}'], ['{"x"}']],
    ['^a]b}c$', ['a]b}c'], ['abc']],
    ['^(?P<year>\\d+)$', ['2024'], ['x']],
    ['^\\x4\\u12\\h$', ['x4u12h'], ['']],
    ['^a{2}\\-$', ['aa-'], ['a-']],
    ['^\\p{Lu}[\\p{Ll}\\-]+\\u{41}\\-$', ['Ab-A-'], ['ab-A-']],
  ];
  for (const [pattern, yes, no] of widened) {
    it(`${pattern} is read as its author meant it, though the flag u forbids it`, () => {
      expect(() => new RegExp(pattern, 'u')).to.throw(SyntaxError);
      const compiled = linearPattern(pattern, 'u');
      for (const text of yes) expect(compiled.test(text), text).to.equal(true);
      for (const text of no) expect(compiled.test(text), text).to.equal(false);
    });
  }

  it('match what V8 matches without the flag u where only that accepts them', () => {
    const part = fc.constantFrom(
      ...'a b - _ @ { } ] . * + ? | ( ) ^ $ [ , 1 \\- \\@ \\w \\d \\. \\] {1 {1} {1,} 1}'.split(' '),
    );
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 8 }),
        fc.array(fc.constantFrom(...Array.from('ab-_@{}].,1 ')), { maxLength: 6 }),
        (parts, characters) => {
          const pattern = parts.join('');
          const text = characters.join('');
          let plain: RegExp;
          try {
            plain = new RegExp(pattern);
          } catch {
            return;
          }
          expect(linearPattern(pattern, 'u').test(text), `${pattern} of ${text}`).to.equal(plain.test(text));
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('differ in their name, by which a validator keeps them', () => {
    expect(String(linearPattern('a', 'u'))).to.equal('/a/u');
  });

  it('match what V8 matches', () => {
    const characters = ['a', 'b', 'Z', '0', '9', '_', '-', ' ', '\t', '\n', '\r', '\v', '\u00a0', '\u0085', '\u2028'];
    const more = [
      '\u3000',
      '\ufeff',
      '\u180e',
      'é',
      'ß',
      'Ω',
      '\u{1f600}',
      '.',
      '/',
      '\\',
      '\0',
      '$',
      '^',
      '[',
      ']',
      '{',
    ];
    const text = fc.array(fc.constantFrom(...characters, ...more), { maxLength: 8 }).map((parts) => parts.join(''));
    const escapes = [
      '\\s',
      '\\S',
      '\\d',
      '\\D',
      '\\w',
      '\\W',
      '\\.',
      '\\/',
      '\\\\',
      '\\n',
      '\\t',
      '\\u2028',
      '\\u{1f600}',
    ];
    const atom = fc.constantFrom(
      'a',
      'b',
      'Z',
      '0',
      'é',
      'Ω',
      '\u{1f600}',
      '_',
      ' ',
      '/',
      ...escapes,
      '\\x41',
      '\\p{L}',
    );
    const range = fc.constantFrom('a-z', '0-9', 'A-Z', '\\-', '.', '$', 'α-ω', '\\]', '^', '\\u0000-\\u001f');
    const set = fc
      .tuple(fc.boolean(), fc.array(fc.oneof(atom, range), { minLength: 1, maxLength: 3 }))
      .map(([isNegated, parts]) => `[${isNegated ? '^' : ''}${parts.join('')}]`);
    const quantifier = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,}', '{0,2}', '*?', '+?');
    const pattern = fc.letrec<{ one: string; all: string }>((tie) => ({
      one: fc
        .tuple(
          fc.oneof(
            { maxDepth: 2 },
            atom,
            set,
            fc.constant('.'),
            tie('all').map((inner) => `(?:${inner})`),
          ),
          quantifier,
        )
        .map((parts) => parts.join('')),
      all: fc
        .array(
          fc.oneof(
            { weight: 5, arbitrary: tie('one') },
            { weight: 1, arbitrary: fc.constantFrom('|', '^', '$', '\\b', '\\B') },
          ),
          {
            maxLength: 4,
          },
        )
        .map((parts) => parts.join('')),
    })).all;
    fc.assert(
      fc.property(pattern, text, (source, subject) => {
        let plain: RegExp;
        try {
          plain = new RegExp(source, 'u');
        } catch {
          return;
        }
        // V8 finds a place for \B between the halves of a character.
        if (source.includes('\\B') && subject.includes('\u{1f600}')) return;
        expect(linearPattern(source, 'u').test(subject), `${String(plain)} on ${JSON.stringify(subject)}`).to.equal(
          plain.test(subject),
        );
      }),
      { numRuns: 3_000 },
    );
  });
});
