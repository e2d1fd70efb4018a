import { expect } from 'chai';
import { grpcCodeOf, percentEncoded } from '../../../../data-plane/proxy/grpc/grpc-status.ts';

const codes: readonly (readonly [http: number, grpc: number])[] = [
  [200, 0],
  [400, 3],
  [401, 16],
  [403, 7],
  [404, 5],
  [408, 4],
  [409, 6],
  [413, 8],
  [415, 12],
  [422, 3],
  [426, 13],
  [429, 8],
  [431, 8],
  [499, 1],
  [500, 13],
  [501, 12],
  [502, 14],
  [503, 14],
  [504, 4],
  [418, 13],
];

describe('gRPC statuses', () => {
  for (const [http, grpc] of codes) {
    it(`${http} is ${grpc}`, () => {
      expect(grpcCodeOf(http)).to.equal(grpc);
    });
  }

  it('percent-encodes what a header cannot hold', () => {
    expect(percentEncoded('100 % größer\n')).to.equal('100 %25 gr%C3%B6%C3%9Fer%0A');
    expect(decodeURIComponent(percentEncoded('☃ "x"'))).to.equal('☃ "x"');
  });
});
