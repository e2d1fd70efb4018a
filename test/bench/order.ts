import { compileProtobuf } from '../../data-plane/schemas/formats/protobuf.ts';
import { runAtOnce } from '../../data-plane/schemas/formats/steps.ts';

/** A JSON order of about 650 bytes, the body of every contestant, and its schema of each kind. */
const order = {
  id: '7f0c1c0e-4b7a-4f37-9d2b-1f0a5f5b6c11',
  placed_at: '2026-03-14T09:26:53.589Z',
  customer: { id: 84213, name: 'Ada Exemplar', email: 'ada.exemplar@example.com', country: 'DE' },
  items: [
    { sku: 'SKU-100-RED-M', title: 'Cotton shirt, red', quantity: 2, price: 19.99 },
    { sku: 'SKU-204-BLK-42', title: 'Running shoes, black', quantity: 1, price: 89.5 },
    { sku: 'SKU-317-BLU', title: 'Water bottle, blue', quantity: 3, price: 7.25 },
  ],
  shipping: { street: 'Musterstrasse 12', city: 'Berlin', zip: '10115', express: false },
  currency: 'EUR',
  total: 151.23,
  note: 'Please leave the parcel with the neighbours on the second floor if nobody answers.',
};

export const orderBody = JSON.stringify(order);

const text = (name: string) => ({ name, type: 'string' });
const record = (name: string, fields: readonly unknown[]) => ({ type: 'record', name, fields });

export const orderAvro = JSON.stringify(
  record('Order', [
    text('id'),
    text('placed_at'),
    {
      name: 'customer',
      type: record('Customer', [{ name: 'id', type: 'long' }, text('name'), text('email'), text('country')]),
    },
    {
      name: 'items',
      type: {
        type: 'array',
        items: record('Item', [
          text('sku'),
          text('title'),
          { name: 'quantity', type: 'int' },
          { name: 'price', type: 'double' },
        ]),
      },
    },
    {
      name: 'shipping',
      type: record('Shipping', [text('street'), text('city'), text('zip'), { name: 'express', type: 'boolean' }]),
    },
    text('currency'),
    { name: 'total', type: 'double' },
    { name: 'note', type: ['null', 'string'], default: null },
  ]),
);

const string = { type: 'string' };
const object = (properties: Readonly<Record<string, object>>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

export const orderJsonSchema = JSON.stringify({
  $schema: 'http://json-schema.org/draft-07/schema#',
  ...object({
    id: { type: 'string', format: 'uuid' },
    placed_at: { type: 'string', format: 'date-time' },
    customer: object({ id: { type: 'integer' }, name: string, email: string, country: string }),
    items: {
      type: 'array',
      items: object({
        sku: string,
        title: string,
        quantity: { type: 'integer', minimum: 1 },
        price: { type: 'number' },
      }),
    },
    shipping: object({ street: string, city: string, zip: string, express: { type: 'boolean' } }),
    currency: string,
    total: { type: 'number' },
    note: string,
  }),
});

export const orderProto = `syntax = "proto3";
message Order {
  string id = 1;
  string placed_at = 2;
  Customer customer = 3;
  repeated Item items = 4;
  Shipping shipping = 5;
  string currency = 6;
  double total = 7;
  string note = 8;
}
message Customer { int64 id = 1; string name = 2; string email = 3; string country = 4; }
message Item { string sku = 1; string title = 2; int32 quantity = 3; double price = 4; }
message Shipping { string street = 1; string city = 2; string zip = 3; bool express = 4; }
`;

/** The order in Protobuf's wire format. */
export function orderMessage(): Buffer {
  const schema = runAtOnce(
    compileProtobuf({ text: orderProto, references: [] }, { payloadEncoding: 'auto', messageName: null }),
  );
  // Behind the place of the message, one byte for the first.
  return schema.encode(orderBody, Buffer.alloc(0)).subarray(1);
}
