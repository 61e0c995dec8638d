/** Requests to the page's server. The key is in the address, behind #, and goes into a header. */

async function call(path, options = {}) {
  const key = decodeURIComponent(location.hash.slice(1));
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...options.headers, 'X-Ebb-Token': key } });
  } catch {
    throw new Error('The command that serves this page has ended. Start it again, and open the address that it prints.');
  }
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.error);
  return data;
}

export const get = (path, query = {}) => call(`${path}?${new URLSearchParams(query)}`);

export const post = (path, data) =>
  call(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(data) });
