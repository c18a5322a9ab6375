// Answers each call with a head and one message, and leaves it open.

import { obeyAsOrigin } from '../http2-origin.ts';
import { GRPC_MESSAGE } from '../peers/nghttpd.ts';

obeyAsOrigin((stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  stream.write(GRPC_MESSAGE);
});
