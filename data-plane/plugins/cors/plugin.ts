import { RE2JS } from 're2js';
import { corsSchema, type CorsConfig } from '../../../shared/plugin-schemas/cors.ts';
import { withAnswerHeader } from '../../plugin-api/answer-headers.ts';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';

/** Answers preflights, and tells browsers with every answer, refusals too, which pages may read it. */
export const cors: PluginDefinition<CorsConfig> = {
  version: corsSchema.version,
  priority: corsSchema.priority,
  publishes: false,
  isTriable: true,
  create(config) {
    const originHeaders = compileOrigin(config);
    const exposed = config.exposed_headers ?? [];
    return {
      kind: 'created',
      instance: {
        access(exchange) {
          if (config.preflight_continue || !isPreflight(exchange)) return undefined;
          return { status: 200, headers: preflightHeaders(config, exchange), body: '' };
        },
        response(exchange, answer) {
          let told = withAllowedOrigin(answer, originHeaders(exchange.headers.get('origin')));
          if (exposed.length > 0 && !isPreflight(exchange)) {
            told = withAnswerHeader(told, 'Access-Control-Expose-Headers', exposed.join(','));
          }
          return told;
        },
      },
    };
  },
};

function isPreflight({ method, headers }: Exchange): boolean {
  return (
    method === 'OPTIONS' &&
    headers.get('origin') !== undefined &&
    headers.get('access-control-request-method') !== undefined
  );
}

function preflightHeaders(config: CorsConfig, { headers }: Exchange): readonly string[] {
  const list = ['Access-Control-Allow-Methods', config.methods.join(',')];
  const allowed = config.headers?.join(',') ?? headers.get('access-control-request-headers');
  if (allowed !== undefined && allowed !== '') list.push('Access-Control-Allow-Headers', allowed);
  if (config.max_age !== null) list.push('Access-Control-Max-Age', String(config.max_age));
  const asksForNetwork = headers.get('access-control-request-private-network') === 'true';
  if (config.private_network && asksForNetwork) list.push('Access-Control-Allow-Private-Network', 'true');
  return list;
}

interface AllowedOrigin {
  /** Undefined: nobody but the page of the same origin. */
  readonly origin: string | undefined;
  readonly credentials: boolean;
  /** The answer depends on the header Origin. */
  readonly varies: boolean;
}

/** Compiles which origin an answer names. A single plain origin is named to everybody, as in Kong. */
function compileOrigin({ origins, credentials }: CorsConfig): (origin: string | undefined) => AllowedOrigin {
  const known = origins ?? [];
  if (known.length === 0 || known.includes('*')) {
    if (!credentials) return () => ({ origin: '*', credentials: false, varies: false });
    // With credentials a browser accepts no `*` (Fetch standard, 3.2.5).
    return (origin) => ({ origin: origin ?? '*', credentials: origin !== undefined, varies: true });
  }
  const [first = '', ...others] = known;
  if (others.length === 0 && isPlain(first)) return () => ({ origin: first, credentials, varies: true });
  const tests = known.map(compileTest);
  return (origin) => {
    const isAllowed = origin !== undefined && tests.some((test) => test(origin));
    return { origin: isAllowed ? origin : undefined, credentials: isAllowed && credentials, varies: true };
  };
}

function isPlain(origin: string): boolean {
  return /^[A-Za-z0-9.:/-]+$/.test(origin);
}

/** A plain text matches itself, a regular expression the whole origin; in linear time. */
function compileTest(origin: string): (given: string) => boolean {
  if (isPlain(origin)) return (given) => given.toLowerCase() === origin.toLowerCase();
  const pattern = RE2JS.compile(origin);
  return (given) => pattern.matches(given);
}

function withAllowedOrigin(answer: Answer, { origin, credentials, varies }: AllowedOrigin): Answer {
  const name = 'access-control-allow-origin';
  const headers: string[] = [];
  for (let index = 0; index + 1 < answer.headers.length; index += 2) {
    const known = answer.headers[index] ?? '';
    if (known.toLowerCase() !== name) headers.push(known, answer.headers[index + 1] ?? '');
  }
  if (origin !== undefined) headers.push('Access-Control-Allow-Origin', origin);
  if (varies) headers.push('Vary', 'Origin');
  const told = { ...answer, headers };
  return credentials ? withAnswerHeader(told, 'Access-Control-Allow-Credentials', 'true') : told;
}
