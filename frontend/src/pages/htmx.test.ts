import { expect, test, vi } from 'vitest';

// Browsers take "any" for a result type that is left out; jsdom insists on it, and htmx leaves it out.
vi.hoisted(() => {
  const { evaluate } = XPathExpression.prototype;
  XPathExpression.prototype.evaluate = function (node, type = XPathResult.ANY_TYPE, result = null) {
    return evaluate.call(this, node, type, result);
  };
});

const { default: htmx } = await import('htmx.org');
const { configureHtmx } = await import('./htmx');

test('htmx evaluates nothing, keeps no page, swaps a 422 and sends the token with what changes something', () => {
  document.body.innerHTML = '<form><input type="hidden" name="csrfmiddlewaretoken" value="secret"></form><div id="toast" data-refused="Reload" data-offline="Offline"></div>';
  configureHtmx(document);
  expect(htmx.config).toMatchObject({ allowEval: false, allowScriptTags: false, includeIndicatorStyles: false, historyCacheSize: 0, selfRequestsOnly: true });
  expect(htmx.config.responseHandling?.find((rule) => new RegExp(`^${rule.code}$`).test('422'))).toMatchObject({ swap: true });
  const headersFor = (verb: string) => {
    const headers: Record<string, string> = {};
    document.dispatchEvent(new CustomEvent('htmx:configRequest', { detail: { headers, verb } }));
    return headers;
  };
  expect(headersFor('post')).toEqual({ 'X-CSRFToken': 'secret' });
  expect(headersFor('get')).toEqual({});
  const said = (name: string) => {
    document.dispatchEvent(new CustomEvent(name));
    return document.getElementById('toast')!.textContent;
  };
  expect([said('htmx:responseError'), said('htmx:sendError'), said('htmx:timeout')]).toEqual(['Reload', 'Offline', 'Offline']);
});
