import { callFault, RefusedError, type AdminReply } from './admin-client.ts';

/** Says why a call of the Admin API failed and what to do about it, in one or two sentences. */
export function callAdvice(admin: string, error: unknown): string {
  if (error instanceof RefusedError) return replyAdvice(admin, error.reply);
  const fault = `${admin}: ${callFault(error)}`;
  const code = codeOf(error);
  const step = nextSteps[code ?? ''];
  return step === undefined ? fault : `${fault}\n${step}`;
}

const nextSteps: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there: start the control plane, or name its address with --admin or SLUICE_ADMIN.',
  ENOTFOUND: 'The host is not known: check the address in --admin or SLUICE_ADMIN.',
  EAI_AGAIN: 'The host name could not be resolved now: check the network, or name an address with --admin.',
  ECONNRESET: 'The connection was ended: is it an HTTPS address? Then --admin must begin with https://.',
  UND_ERR_SOCKET: 'The connection was ended: is it an HTTPS address? Then --admin must begin with https://.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'The certificate is self-signed: name its authority in NODE_EXTRA_CA_CERTS.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'The authority of the certificate is not known: name it in NODE_EXTRA_CA_CERTS.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The certificate is for another host: use the name that it bears in --admin.',
  ERR_INVALID_URL: 'An address looks like http://127.0.0.1:8001.',
  TimeoutError: 'There was no answer in time: look at the log of the control plane.',
};

/** Finds the code of an error, or of what caused it. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { cause } = error;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return cause instanceof Error ? codeOf(cause) : error.name;
}

/** Says in words what an answer other than success means and what to do about it. */
export function replyAdvice(admin: string, { status, text }: Pick<AdminReply, 'status' | 'text'>): string {
  const said = `The Admin API at ${admin} answered ${status}: ${messageOf(text)}`;
  const step = statusSteps[status];
  return step === undefined ? said : `${said}\n${step}`;
}

const statusSteps: Readonly<Record<number, string>> = {
  401: 'It wants a token: set SLUICE_ADMIN_TOKEN, or --token with file:PATH or env:NAME.',
  403: 'The token may only read: use the value of admin_token.',
  404: 'It may be of another role or an older version: name a control plane with --admin or SLUICE_ADMIN.',
  405: 'The configuration of this node is a file: change that, or POST the whole of it to /config.',
  409: 'Change what it names, then try again.',
  412: 'Somebody else changed the configuration meanwhile: look at the difference again.',
  413: 'Split the file, or load a part of it with --select-tag.',
  421: 'The address is not one that the control plane knows itself by: add its host to admin_hosts.',
  429: 'Wait a moment and try again.',
  500: 'Look at the log of the control plane for the reason.',
  501: 'Upgrade the node, or choose another.',
};

/** Returns the message of an answer of the Admin API, else its whole text. */
export function messageOf(text: string): string {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null && 'message' in answer) return String(answer.message);
  } catch {
    // Something else than the Admin API has answered.
  }
  return text.slice(0, 2_000);
}
