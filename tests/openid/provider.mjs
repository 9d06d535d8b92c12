// A certified OpenID provider for tests. It prints its port, and is set up by POST /control: what
// is said there replaces what was said before, and everything it remembers is forgotten.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { Provider } from 'oidc-provider';

const now = Date.now;
let skew = 0;
Date.now = () => now() + skew * 1000;

let settings = {};
let handle;
let keys = newKeys();

function newKeys() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig' }] };
}

function configure(issuer, wanted) {
  settings = { users: {}, redirect_uris: [], logout_uris: [], ...wanted };
  skew = settings.skew ?? 0;
  if (settings.rotate) keys = newKeys();
  if (handle && settings.keep) return;
  const provider = new Provider(issuer, {
    jwks: keys,
    clients: [{
      client_id: 'packistry',
      client_secret: 'secret-of-the-tests-canary',
      redirect_uris: settings.redirect_uris,
      post_logout_redirect_uris: settings.logout_uris,
      response_types: ['code'],
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'client_secret_basic',
    }],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
      groups: ['groups'],
    },
    scopes: ['openid', 'email', 'profile', 'groups'],
    conformIdTokenClaims: settings.claims_in_userinfo ?? true,
    pkce: { required: () => true },
    cookies: { keys: ['only-for-tests'] },
    features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, ...settings.users[id] }),
    }),
    ttl: { AccessToken: 600, IdToken: 600, Session: 600, Grant: 600, Interaction: 600 },
  });
  handle = provider.callback();
}

const server = createServer(async (request, response) => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  if (request.url === '/control') {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    configure(issuer, JSON.parse(Buffer.concat(chunks)));
    response.end('ok');
  } else if (settings.down) {
    response.writeHead(503).end();
  } else {
    handle(request, response);
  }
});
server.listen(0, '127.0.0.1', () => {
  configure(`http://127.0.0.1:${server.address().port}`, {});
  console.log(server.address().port);
});
// It ends with whoever started it.
process.stdin.resume().on('end', () => process.exit());
