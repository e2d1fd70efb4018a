import { expect } from 'chai';
import { guardWith, type Request, type Values } from '../guard-fixture.ts';

const tooLarge = 'Request size limit exceeded';

describe('the request-size-limiting plugin', () => {
  const length = (bytes: number): readonly string[] => ['content-length', String(bytes)];
  const rows: readonly [config: Values, request: Request, status: number, message?: string][] = [
    [{}, { headers: length(2 ** 27) }, 200],
    [{}, { headers: length(2 ** 27 + 1) }, 413, tooLarge],
    [{ allowed_payload_size: 2, size_unit: 'kilobytes' }, { headers: length(2048) }, 200],
    [{ allowed_payload_size: 2, size_unit: 'kilobytes' }, { headers: length(2049) }, 413, tooLarge],
    [{ allowed_payload_size: 3, size_unit: 'bytes' }, { headers: length(3) }, 200],
    [{ allowed_payload_size: 3, size_unit: 'bytes' }, { body: 'abcd' }, 413, tooLarge],
    [{ allowed_payload_size: 3, size_unit: 'bytes' }, { body: 'abc' }, 200],
    [{ require_content_length: true }, { body: 'abc' }, 411, 'A valid Content-Length header is required'],
    [{ require_content_length: true }, { headers: length(3) }, 200],
    [
      { allowed_payload_size: 1, size_unit: 'bytes' },
      { headers: [...length(9), 'expect', '100-continue'] },
      417,
      tooLarge,
    ],
  ];
  for (const [config, request, status, message] of rows) {
    it(`answers ${status} to ${JSON.stringify(request)} by ${JSON.stringify(config)}`, async () => {
      const seen = await (await guardWith('request-size-limiting', config)).send(request);
      expect([seen.status, seen.message]).to.deep.equal([status, message]);
    });
  }
});
