/** The Avro schema and a fitting body that system tests share. */
export const orderSchema = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'quantity', type: 'int' },
    { name: 'note', type: ['null', 'string'], default: null },
  ],
};

export const order = { id: 'order-1', quantity: 2, note: null };
