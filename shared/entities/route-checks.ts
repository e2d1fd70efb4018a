import { isSet, quoted } from '../schema/checks.ts';
import type { FieldFault, RecordCheck } from '../schema/field.ts';
import { compileFault } from '../schema/regex.ts';

type Values = Readonly<Record<string, unknown>>;

/** The checks over several fields of a route. */
export const routeChecks: readonly RecordCheck[] = [
  checkProtocolsMix,
  checkMatchesSomething,
  checkServerNames,
  checkGrpc,
  checkHeaderExpressions,
];

function protocolsOf(route: Values): readonly unknown[] {
  return Array.isArray(route['protocols']) ? route['protocols'] : [];
}

function has(route: Values, ...names: readonly string[]): boolean {
  return protocolsOf(route).some((protocol) => typeof protocol === 'string' && names.includes(protocol));
}

function checkProtocolsMix(route: Values): FieldFault[] {
  if (!has(route, 'http', 'https') || !has(route, 'grpc', 'grpcs')) return [];
  return [{ path: ['protocols'], message: "these sets are mutually exclusive: ('http', 'https'), ('grpc', 'grpcs')" }];
}

function checkMatchesSomething(route: Values): FieldFault[] {
  const grpc = has(route, 'grpc', 'grpcs') && !has(route, 'http', 'https');
  const tls = has(route, 'https', 'grpcs');
  const names = [...(grpc ? [] : ['methods']), 'hosts', 'headers', 'paths', ...(tls ? ['snis'] : [])];
  if (names.some((name) => isSet(route[name]))) return [];
  const protocol = `${grpc ? 'grpc' : 'http'}${tls ? 's' : ''}`;
  return [{ path: [], message: `must set one of ${quoted(names)} when 'protocols' is '${protocol}'` }];
}

function checkServerNames(route: Values): FieldFault[] {
  if (has(route, 'https', 'grpcs') || !isSet(route['snis'])) return [];
  return [
    { path: [], message: "'snis' can only be set when 'protocols' is 'grpcs' or 'https'" },
    { path: ['snis'], message: 'length must be 0' },
  ];
}

function checkGrpc(route: Values): FieldFault[] {
  if (!has(route, 'grpc', 'grpcs')) return [];
  const faults: FieldFault[] = [];
  if (route['strip_path'] === true) {
    faults.push({ path: ['strip_path'], message: "cannot set 'strip_path' when 'protocols' is 'grpc' or 'grpcs'" });
  }
  if (isSet(route['methods'])) {
    faults.push({ path: ['methods'], message: "cannot set 'methods' when 'protocols' is 'grpc' or 'grpcs'" });
  }
  return faults;
}

/** A header's only value that starts with `~*` is a regular expression; it must compile. */
function checkHeaderExpressions(route: Values): FieldFault[] {
  return Object.entries(route['headers'] ?? {}).flatMap(([name, values]): FieldFault[] => {
    const [value, ...others]: unknown[] = Array.isArray(values) ? values : [];
    if (typeof value !== 'string' || !value.startsWith('~*') || others.length > 0) return [];
    const message = compileFault(value.slice(2));
    return message === undefined ? [] : [{ path: ['headers', name, 0], message }];
  });
}
