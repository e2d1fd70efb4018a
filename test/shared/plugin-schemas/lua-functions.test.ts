import { expect } from 'chai';
import { autoValues } from '../../../shared/auto-values.ts';
import { kafkaUpstreamSchema } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { checkField } from '../../../shared/schema/check.ts';

const chunk = 'return function(message)\n  kong.log("x")\n  return message\nend';
const config = {
  topic: 't',
  bootstrap_servers: [{ host: 'k', port: 9092 }],
  message_by_lua_functions: ['return function(message) return message.kong end', chunk],
};

describe('Lua that names kong', () => {
  it('is refused with its line when it is written', () => {
    const checked = checkField(kafkaUpstreamSchema.config, config, autoValues);
    expect(checked.kind === 'faults' && checked.faults).to.deep.equal([
      {
        path: ['message_by_lua_functions', 1],
        message: "line 2: there is no global 'kong' here: chunks see the message alone",
      },
    ]);
  });

  it('lets a configuration that an older version stored reach the nodes', () => {
    expect(checkField(kafkaUpstreamSchema.config, config).kind).to.equal('ok');
  });
});
