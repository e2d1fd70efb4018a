import { checkHeaderName } from '../schema/header-name.ts';
import { boolean, element, string } from '../schema/field.ts';

/** Fields that several authentication plugins have, with Kong's names and defaults. */
export const authenticationFields = {
  hide_credentials: boolean({
    required: true,
    default: false,
    description: 'Takes the credential out of the request, so that neither services nor records see it.',
  }),
  anonymous: string({
    description: 'Id or username of the consumer that stands for requests without a valid credential.',
  }),
  realm: string({ description: 'The realm of the header WWW-Authenticate.' }),
} as const;

/** Decides that OPTIONS requests must carry a credential, too. */
export const runOnPreflight = boolean({
  required: true,
  default: true,
  description: 'Also asks OPTIONS requests for a credential. Browsers send none with a preflight.',
});

/** The element of a list of header names. */
export const headerName = string({ ...element, check: checkHeaderName });
