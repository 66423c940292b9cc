// Sends requests to the API. Every error is thrown as a ProblemError with the problem to show.

// Relative, since the pages may be served below a path.
const API = "api/v1";
const NO_CONNECTION = {
  title: "No connection",
  detail: "The server could not be reached. Try again in a moment.",
};

export class ProblemError extends Error {
  constructor(problem) {
    super(problem.title);
    this.problem = problem;
  }
}

export async function post(path, body, accessToken) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  if (accessToken) headers.Authorization = `Bearer ${accessToken}`;
  const response = await send(path, { method: "POST", headers, body: JSON.stringify(body) });
  const content = await response.json().catch(() => null);
  if (!response.ok) throw new ProblemError(asProblem(response, content));
  return content;
}

async function send(path, request) {
  try {
    return await fetch(API + path, { ...request, credentials: "omit", cache: "no-store" });
  } catch {
    throw new ProblemError(NO_CONNECTION);
  }
}

function asProblem(response, content) {
  if (!content?.title) return { title: "Unexpected error", detail: `The server returned status ${response.status}.` };
  return { ...content, detail: fullDetail(response, content) };
}

function fullDetail(response, { status, detail, request_id: requestId }) {
  const seconds = response.headers.get("Retry-After");
  const wait = seconds ? ` Try again in ${seconds} s.` : "";
  return detail + wait + (status >= 500 ? ` (Request ${requestId})` : "");
}
