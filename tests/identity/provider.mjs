// A hospital's own sign-in for tests: `oidc-provider` (certified by the OpenID Foundation) with a form that takes any password.
// node provider.mjs LIBRARY PORT SETTINGS.json; the settings are read anew at each sign-in: {"clients": [...], "people": {login: claims}}.
// A person's `amr` and `acr` are how they sign in; the rest are their claims. Prints "ready" once it listens.
import { readFileSync } from 'node:fs'

const [, , library, port, file] = process.argv
const { default: Provider } = await import(library)
const { default: MemoryAdapter } = await import(library.replace('index.js', 'adapters/memory_adapter.js'))
const read = () => JSON.parse(readFileSync(file, 'utf8'))
const issuer = `http://127.0.0.1:${port}`

const provider = new Provider(issuer, {
  adapter: (name) =>
    name === 'Client' ? { find: async (id) => read().clients.find((each) => each.client_id === id) } : new MemoryAdapter(name),
  claims: { openid: ['sub', 'amr', 'acr'], email: ['email', 'email_verified'], profile: ['name', 'oid'] },
  scopes: ['openid', 'email', 'profile'],
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: ['of a test'] },
  ttl: { Session: 3600, Interaction: 600, Grant: 3600, AccessToken: 60, AuthorizationCode: 60, IdToken: 60 },
  async findAccount(_ctx, id) {
    const person = read().people[id]
    if (!person) return undefined
    const { amr, acr, ...claims } = person
    return { accountId: id, claims: async () => ({ ...claims, sub: id }) }
  },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
    grant.addOIDCScope('openid email profile')
    await grant.save()
    return grant
  },
})

const page = (uid) => `<!doctype html><html lang="en"><title>Hospital</title><main><h1>Hospital sign-in</h1>
<form method="post" action="/interaction/${uid}"><label>Login <input name="login" autofocus></label>
<label>Password <input name="password" type="password"></label><button>Sign in</button>
<a href="/interaction/${uid}/abort">Cancel</a></form></main></html>`

provider.use(async (ctx, next) => {
  const [, uid, abort] = /^\/interaction\/([\w-]+)(\/abort)?$/.exec(ctx.path) ?? []
  if (!uid) return next()
  if (abort) return provider.interactionFinished(ctx.req, ctx.res, { error: 'access_denied' }).then(() => { ctx.respond = false })
  if (ctx.method === 'GET') {
    await provider.interactionDetails(ctx.req, ctx.res)
    ctx.type = 'html'
    ctx.body = page(uid)
    return
  }
  let body = ''
  for await (const part of ctx.req) body += part
  const login = new URLSearchParams(body).get('login')
  const person = read().people[login]
  ctx.respond = false
  if (!person) return provider.interactionFinished(ctx.req, ctx.res, { error: 'access_denied' })
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: login, amr: person.amr, acr: person.acr } })
})

provider.on('server_error', (_ctx, error) => console.error(error))
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'))
