import { checkHeaderName } from '../schema/header-name.ts';
import { isSet } from '../schema/checks.ts';
import { boolean, integer, record, string, type FieldFault, type InferFields } from '../schema/field.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { recordCheck } from './record-checks.ts';

const fields = {
  status_code: integer({ required: true, default: 503, between: [100, 599], description: 'The status of the answer.' }),
  message: string({ description: 'The message of the JSON object that is the body.' }),
  content_type: string({ description: 'The content type of `body`.' }),
  body: string({ description: 'The whole body, in place of a message.' }),
  echo: boolean({ required: true, default: false, description: 'Answers with what is known of the request.' }),
  trigger: string({
    check: checkHeaderName,
    description: 'The header or query argument that a request must have to be answered; all are, without it.',
  }),
} as const;

export type RequestTerminationConfig = InferFields<typeof fields>;

/** Kong's rules and words. */
function checkAnswer({ message, content_type: type, body, echo }: RequestTerminationConfig): FieldFault[] {
  const faults: FieldFault[] = [];
  const add = (text: string): void => void faults.push({ path: [], message: text });
  if (isSet(message) && (isSet(type) || isSet(body))) add('message cannot be used with content_type or body');
  if (isSet(type) && !isSet(body)) add('content_type requires a body');
  if (echo && (isSet(type) || isSet(body))) add('echo cannot be used with content_type and body');
  return faults;
}

/** Answers requests itself. */
export const requestTerminationSchema: PluginSchema<RequestTerminationConfig> = {
  name: 'request-termination',
  version: '0.1.0',
  priority: 2,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  requiredToUnderstand: true,
  config: record(fields, { required: true, checks: [recordCheck(fields, checkAnswer)] }),
};
