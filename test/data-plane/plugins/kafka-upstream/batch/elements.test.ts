import { expect } from 'chai';
import * as fc from 'fast-check';
import {
  arrayElements,
  lineElements,
  type Elements,
} from '../../../../../data-plane/plugins/kafka-upstream/batch/elements.ts';
import { RequestError } from '../../../../../shared/errors.ts';

type Found = readonly (readonly [index: number | null, text: string])[];

/** The elements with their texts; a broken one as `broken`. */
function found(elements: Elements): Found {
  const all: [number | null, string][] = [];
  for (const step of elements) {
    if (step.kind === 'element') all.push([step.index, step.bytes.toString()]);
    else if (step.kind === 'broken') all.push([step.index, 'broken']);
  }
  return all;
}

function outcome(work: () => Found): Found | string {
  try {
    return work();
  } catch (error) {
    if (error instanceof RequestError) return error.message;
    throw error;
  }
}

const lines = (body: string | Buffer) => outcome(() => found(lineElements(Buffer.from(body))));
const array = (body: string | Buffer, pointer = '') => outcome(() => found(arrayElements(Buffer.from(body), pointer)));

describe('elements', () => {
  const lineRows: [body: string | Buffer, elements: Found | string][] = [
    ['', []],
    ['\n\r\n \t\n', []],
    [
      '1\n2\n',
      [
        [0, '1'],
        [1, '2'],
      ],
    ],
    [
      '1\r\n\r\n {"a": 1.0} \r\n"x"',
      [
        [0, '1'],
        [2, '{"a": 1.0}'],
        [3, '"x"'],
      ],
    ],
    [
      '\ufeff1\n2',
      [
        [0, '1'],
        [1, '2'],
      ],
    ],
    [
      '1\n{\nnull\n2 3\n4',
      [
        [0, '1'],
        [1, 'broken'],
        [2, 'null'],
        [3, 'broken'],
        [4, '4'],
      ],
    ],
    [
      '[1\n]',
      [
        [0, 'broken'],
        [1, 'broken'],
      ],
    ],
    [Buffer.from([0x22, 0xff, 0x22]), 'The body is not valid UTF-8.'],
  ];
  for (const [body, elements] of lineRows) {
    it(`are the lines of ${JSON.stringify(body.toString())}`, () => expect(lines(body)).to.deep.equal(elements));
  }

  const arrayRows: [body: string | Buffer, pointer: string, elements: Found | string][] = [
    ['[]', '', []],
    [
      ' [ 1.0 , {"a":[2]},null ] ',
      '',
      [
        [0, '1.0'],
        [1, '{"a":[2]}'],
        [2, 'null'],
      ],
    ],
    ['\ufeff[1]', '', [[0, '1']]],
    [
      '{"records":[1,2]}',
      '/records',
      [
        [0, '1'],
        [1, '2'],
      ],
    ],
    ['{"x":{"records":[9]},"records":[1],"y":[2]}', '/records', [[0, '1']]],
    ['{"a/b":{"~":[1]}}', '/a~1b/~0', [[0, '1']]],
    ['{"r\\u0065c":[1]}', '/rec', [[0, '1']]],
    ['{"a":[1],"a":[2]}', '/a', "The body has more than one value at '/a'."],
    ['{"a":1}', '/a', "The body must have an array at '/a'."],
    ['{"a":[1]}', '/b', "The body has no array at '/b'."],
    ['[{"a":[1]}]', '/a', "The body has no array at '/a'."],
    ['{}', '', 'The body must be an array.'],
    ['', '', 'The body must be an array.'],
    [
      '[1,x,3]',
      '',
      [
        [0, '1'],
        [1, 'broken'],
      ],
    ],
    [
      '[1,2',
      '',
      [
        [0, '1'],
        [1, '2'],
        [1, 'broken'],
      ],
    ],
    [
      '[1]2',
      '',
      [
        [0, '1'],
        [null, 'broken'],
      ],
    ],
    [
      '{"a":[1],"b":x}',
      '/a',
      [
        [0, '1'],
        [null, 'broken'],
      ],
    ],
    [Buffer.from([0x5b, 0xff, 0x5d]), '', 'The body is not valid UTF-8.'],
  ];
  for (const [body, pointer, elements] of arrayRows) {
    it(`are those of ${JSON.stringify(body.toString())} at '${pointer}'`, () =>
      expect(array(body, pointer)).to.deep.equal(elements));
  }

  it('are what JSON.parse finds, as they are written', () => {
    const values = fc.array(fc.jsonValue());
    fc.assert(
      fc.property(values, fc.constantFrom(0, 1), (elements, indent) => {
        const texts = elements.map((element) => JSON.stringify(element));
        expect(array(JSON.stringify({ pad: elements, r: elements }, null, indent), '/r')).to.have.length(texts.length);
        expect(array(`[${texts.join(',')}]`)).to.deep.equal(texts.map((text, index) => [index, text]));
        expect(lines(texts.join('\n'))).to.deep.equal(texts.map((text, index) => [index, text]));
      }),
      { numRuns: 200 },
    );
  });

  it('pause within a long one', () => {
    const long = `[${'[1],'.repeat(200_000)}2]`;
    expect([...arrayElements(Buffer.from(`[${long}]`), '')].filter(({ kind }) => kind === 'paused')).not.to.have.length(
      0,
    );
    expect([...lineElements(Buffer.from('\n'.repeat(10_000)))].every(({ kind }) => kind === 'paused')).to.equal(true);
  });
});
