// An authorization server (npm's oidc-provider) with the client credentials grant, and an API beside it.
//
// It reads JSON from standard input: {clients, authority, certificate, key, nonceSeconds}. Clients have oidc-provider's own
// metadata. With a certificate and a key it serves TLS and asks for client certificates.
//   /token        the token endpoint of oidc-provider
//   /api/...      wants a token: with a DPoP proof if the token is bound to a key, and the certificate if bound to one
//   /count        how often each was called: {"token": 3, "granted": 1, "api": 2}
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { readFileSync } from 'node:fs';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';
import Provider from 'oidc-provider';
import instance from './node_modules/oidc-provider/lib/helpers/weak_cache.js';
import Challenge from './node_modules/oidc-provider/lib/helpers/challenge.js';

const options = JSON.parse(readFileSync(0, 'utf8'));
const tls = options.certificate !== undefined;
const server = tls
  ? https.createServer({
    cert: options.certificate, key: options.key, ca: options.authority, requestCert: true, rejectUnauthorized: false,
  })
  : http.createServer();
await new Promise((ready) => { server.listen(0, '127.0.0.1', ready); });
const origin = `${tls ? 'https' : 'http'}://${tls ? 'localhost' : '127.0.0.1'}:${server.address().port}`;
const counts = { token: 0, granted: 0, api: 0, nonce: 0 };

const provider = new Provider(origin, {
  clients: options.clients,
  scopes: ['payments', 'refunds'],
  clientAuthMethods: [
    'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth',
    'self_signed_tls_client_auth',
  ],
  enabledJWA: {
    clientAuthSigningAlgValues: ['HS256', 'RS256', 'PS256', 'ES256', 'ES384', 'Ed25519', 'EdDSA'],
    dPoPSigningAlgValues: ['RS256', 'PS256', 'ES256', 'ES384', 'Ed25519', 'EdDSA'],
  },
  clockTolerance: options.clockTolerance ?? 5,
  ttl: { ClientCredentials: options.lifetime ?? 600 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      selfSignedTlsClientAuth: true,
      tlsClientAuth: true,
      getCertificate: (ctx) => ctx.req.socket.getPeerX509Certificate?.(),
      certificateAuthorized: (ctx) => ctx.req.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_subject_dn'
        && ctx.req.socket.getPeerX509Certificate().subject === expected,
    },
    dPoP: {
      enabled: true,
      nonceSecret: randomBytes(32),
      requireNonce: () => options.nonceSeconds !== undefined,
    },
  },
});

let apiNonces = new Challenge(randomBytes(32), 'api');
if (options.nonceSeconds) {
  setInterval(() => {
    instance(provider).DPoPNonces = new Challenge(randomBytes(32), 'token');
    apiNonces = new Challenge(randomBytes(32), 'api');
  }, options.nonceSeconds * 1000).unref();
}

const seen = new Set();

function refuse(ctx, error, description, scheme = 'DPoP') {
  ctx.status = 401;
  ctx.set('WWW-Authenticate', `${scheme} error="${error}", error_description="${description}"`);
  ctx.body = { error, error_description: description };
}

async function api(ctx) {
  counts.api += 1;
  const [scheme, value] = (ctx.get('authorization') || ' ').split(' ');
  const token = await provider.ClientCredentials.find(value);
  if (!token) return refuse(ctx, 'invalid_token', 'no such token', scheme || 'Bearer');
  if (token['x5t#S256']) {
    const shown = ctx.req.socket.getPeerX509Certificate?.();
    const print = shown && createHash('sha256').update(shown.raw).digest('base64url');
    if (print !== token['x5t#S256']) return refuse(ctx, 'invalid_token', 'another certificate', 'Bearer');
  }
  if (token.jkt) {
    if (scheme !== 'DPoP') return refuse(ctx, 'invalid_token', 'the token is bound to a key');
    let proof;
    try {
      proof = await jwtVerify(ctx.get('dpop'), EmbeddedJWK, { typ: 'dpop+jwt' });
    } catch (cause) {
      return refuse(ctx, 'invalid_dpop_proof', String(cause.message));
    }
    const { payload, protectedHeader } = proof;
    const expected = {
      htm: ctx.method, htu: `${origin}${ctx.path}`, ath: createHash('sha256').update(value).digest('base64url'),
    };
    for (const [name, wanted] of Object.entries(expected)) {
      if (payload[name] !== wanted) return refuse(ctx, 'invalid_dpop_proof', `${name} is ${payload[name]}`);
    }
    if (await calculateJwkThumbprint(protectedHeader.jwk) !== token.jkt) {
      return refuse(ctx, 'invalid_dpop_proof', 'another key');
    }
    if (Math.abs(Date.now() / 1000 - payload.iat) > 300) return refuse(ctx, 'invalid_dpop_proof', 'too old');
    if (seen.has(payload.jti)) return refuse(ctx, 'invalid_dpop_proof', 'a second use of jti');
    seen.add(payload.jti);
    if (options.nonceSeconds !== undefined) {
      ctx.set('DPoP-Nonce', apiNonces.nextChallenge());
      if (!payload.nonce || !apiNonces.checkChallenge(payload.nonce)) {
        counts.nonce += 1;
        return refuse(ctx, 'use_dpop_nonce', 'a nonce is needed');
      }
    }
  } else if (scheme !== 'Bearer') return refuse(ctx, 'invalid_token', 'a bearer token', 'Bearer');
  ctx.body = { client: token.clientId, method: ctx.method, body: await text(ctx.req) };
  return undefined;
}

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}

provider.use(async (ctx, next) => {
  if (ctx.path.startsWith('/api/')) return api(ctx);
  if (ctx.path === '/count') {
    ctx.body = counts;
    return undefined;
  }
  if (ctx.path === '/token') counts.token += 1;
  await next();
  if (ctx.path === '/token' && ctx.status === 200) counts.granted += 1;
  return undefined;
});
provider.on('server_error', (ctx, error) => console.error(error));
provider.on('grant.error', (ctx, error) => console.error(error.error, error.error_description, error.error_detail ?? ''));

server.on('request', provider.callback());
console.log(`listening on ${origin}`);
