// Chooses a new password with the token from an email, or requests this email.

import { post } from "./api.js";
import { byId, fromLink, onSubmit, show, showMessage } from "./card.js";

const INVALID_LINK = {
  title: "Invalid link",
  detail: "This link cannot be used to choose a password. It may be incomplete.",
  hint: "Open the link directly from your email, or request a new one.",
};
const SPENT_LINK = {
  title: "Link no longer valid",
  detail: "It has been used, it was replaced by a newer one, or it has expired.",
  hint: "If you have already chosen a new password, log in with it. Otherwise, use the latest email, or request a new one.",
};
const REQUEST = { label: "Request a new link", run: () => show("request") };

const token = fromLink("token");

async function requestLink(form) {
  const email = form.email.value.trim();
  await post("/auth/password-reset", { email });
  show("sent", { email });
}

async function choose(form) {
  await post("/auth/password-reset/confirm", { token, new_password: form.new_password.value });
  show("done");
}

function onProblem({ code, errors = [] }) {
  const isInvalid = code === "not-found" || errors.some((error) => error.pointer === "/token");
  if (isInvalid) showMessage(INVALID_LINK, REQUEST);
  else if (code === "token-spent") showMessage(SPENT_LINK, REQUEST);
  else return false;
  return true;
}

onSubmit(byId("requesting"), { progress: "Sending…", send: requestLink });
onSubmit(byId("choosing"), { progress: "Saving…", send: choose, onProblem });
byId("again").addEventListener("click", () => show("request"));

show(token ? "choose" : "request");
