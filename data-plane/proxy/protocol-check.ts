import { isGrpcType } from './grpc/grpc-type.ts';
import type { RoutePlan } from '../runtime/runtime.ts';
import { plainAnswer } from '../plugin-api/standard-answers.ts';
import type { Answer, Exchange } from '../plugin-api/exchange.ts';

/** Returns an answer for a request whose protocol its route does not take, and says there what to do instead. */
export function checkProtocol(plan: RoutePlan, exchange: Exchange): Answer | undefined {
  const { protocols } = plan;
  const { protocol } = exchange;
  if (protocols.has(protocol)) return undefined;
  if (protocols.has('grpc') || protocols.has('grpcs')) return checkGrpc(exchange);
  // What is left are routes of http and https; gRPC is HTTP to them.
  const isSecure = protocol === 'https' || protocol === 'grpcs';
  return isSecure || protocols.has('http') ? undefined : demandHttps(plan, exchange);
}

function checkGrpc(exchange: Exchange): Answer | undefined {
  switch (exchange.protocol) {
    case 'http':
    case 'https':
      // The listener calls it gRPC only over HTTP/2.
      return isGrpcType(exchange.headers.get('content-type'))
        ? plainAnswer(exchange, 426, 'Please use HTTP2 protocol', ['Connection', 'Upgrade', 'Upgrade', 'HTTP/2'])
        : plainAnswer(exchange, 415, 'Non-gRPC request matched gRPC route');
    case 'grpc':
      return {
        status: 200,
        headers: [
          'content-type',
          'application/grpc',
          'grpc-status',
          '1',
          'grpc-message',
          'gRPC request matched gRPCs route',
        ],
        body: '',
      };
    case 'grpcs':
      return undefined;
    default:
      throw new Error('no such protocol');
  }
}

function demandHttps(plan: RoutePlan, exchange: Exchange): Answer {
  const status = plan.httpsRedirectStatusCode;
  // Without a host (HTTP/1.0) there is nowhere to redirect to.
  if (status === 426 || exchange.host === '') {
    return plainAnswer(exchange, 426, 'Please use HTTPS protocol', [
      'Connection',
      'Upgrade',
      'Upgrade',
      'TLS/1.2, HTTP/1.1',
    ]);
  }
  const { path, query } = exchange;
  const ofAbsolute = () => (query === '' ? path : `${path}?${query}`);
  const target = exchange.target.startsWith('/') ? exchange.target : ofAbsolute();
  return plainAnswer(exchange, status, 'Please use HTTPS protocol', ['Location', `https://${exchange.host}${target}`]);
}
