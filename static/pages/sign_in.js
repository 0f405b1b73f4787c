// Passkeys: asks the server what to ask, asks the authenticator, and sends its answer with an ordinary form.
const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

const descriptors = (list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

const prove = async (options) => {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: descriptors(options.allowCredentials),
  };
  const found = await navigator.credentials.get({ publicKey });
  const { clientDataJSON, authenticatorData, signature, userHandle } = found.response;
  return spoken(found, {
    clientDataJSON: text(clientDataJSON),
    authenticatorData: text(authenticatorData),
    signature: text(signature),
    userHandle: userHandle ? text(userHandle) : null,
  });
};

const register = async (options) => {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: descriptors(options.excludeCredentials),
  };
  const made = await navigator.credentials.create({ publicKey });
  const { clientDataJSON, attestationObject } = made.response;
  return spoken(made, {
    clientDataJSON: text(clientDataJSON),
    attestationObject: text(attestationObject),
    transports: made.response.getTransports?.() ?? [],
  });
};

const spoken = (credential, response) =>
  JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
    response,
  });

const WORDS = {
  InvalidStateError: "This device has a passkey of yours already. Nothing was changed.",
  NotAllowedError: "No passkey was used: it was stopped, or took too long. Try again.",
};

const ask = async (form) => {
  const token = form.querySelector('[name="csrfmiddlewaretoken"]').value;
  const answer = await fetch(form.dataset.options, { method: "POST", headers: { "X-CSRFToken": token } });
  const options = await answer.json();
  if (options.again) {
    location.assign(options.again);
    return;
  }
  const act = form.dataset.passkey === "register" ? register : prove;
  form.querySelector('[name="answer"]').value = await act(options);
  form.submit();
};

const begin = (form) => {
  const problem = form.querySelector("[data-problem]");
  const button = form.querySelector('[type="submit"]');
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    button.disabled = true;
    try {
      await ask(form);
    } catch (error) {
      problem.textContent = WORDS[error.name] ?? "The passkey could not be used. Nothing was changed.";
      problem.hidden = false;
    }
    button.disabled = false;
  });
  form.hidden = false;
};

if (window.PublicKeyCredential) {
  document.querySelectorAll("[data-passkey]").forEach(begin);
  document.querySelectorAll("[data-or]").forEach((each) => {
    each.hidden = false;
  });
}
