import { expect } from 'chai';
import { checkEntity } from '../../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../../shared/entities/entity.ts';
import { faultTree } from '../../../shared/schema/faults.ts';

/** A body and its faults as the Admin API shows them; `{}`: none. */
export type CheckRow = readonly [input: object, faults: object];

/** One test a row. `base` is what makes a body good that is empty otherwise. */
export function checkTable(entity: EntityDescriptor, base: () => object, rows: () => readonly CheckRow[]): void {
  for (const [index, [input]] of rows().entries()) {
    const title = JSON.stringify(input, (_key, value: unknown) =>
      typeof value === 'string' && value.includes('-----BEGIN') ? 'PEM' : value,
    );
    it(`${title} (${index + 1})`, () => {
      const [body, faults] = rows()[index] ?? [{}, {}];
      const auto = { uuid: () => '22222222-2222-4222-8222-222222222222', token: () => 't', now: () => 1 };
      const checked = checkEntity({ entity, plugins: {}, input: { ...base(), ...body }, auto });
      expect(checked.kind === 'ok' ? {} : faultTree(checked.faults)).to.deep.equal(faults);
    });
  }
}
