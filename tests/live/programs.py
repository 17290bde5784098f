"""The agent CLIs of the live test: package, version, and the settings that
make each talk to the mock, offline and without questions."""

import json
import os

PACKAGES = {
    "claude": ("@anthropic-ai/claude-code", "2.1.197"),
    "codex": ("@openai/codex", "0.169.0"),
    "gemini": ("@google/gemini-cli", "0.61.0"),
    "qwen": ("@qwen-code/qwen-code", "0.15.10"),
    "opencode": ("opencode-ai", "1.18.33"),
    "copilot": ("@github/copilot", "1.0.102"),
    "pi": ("@mariozechner/pi-coding-agent", "0.73.1"),
}

# What the screen shows once the program is there.
READY = {"claude": "❯", "codex": "›", "gemini": "Type your message",
         "qwen": "Type your message", "opencode": "Ask anything",
         "copilot": "❯", "pi": "─" * 40}

# What the screen or the title shows while the program asks about a command.
ASKS = {"claude": "Do you want to proceed", "codex": "Action Required",
        "gemini": "Action Required", "opencode": "Permission required",
        "qwen": "Waiting for user confirmation", "copilot": "❯ 1. Yes"}

# What ends a dialog without approving it; pi has none.
REFUSE = {name: ("Escape",) for name in PACKAGES if name != "pi"}


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text if isinstance(text, str) else json.dumps(text))


def claude(home, project, url):
    key = "sk-ant-api03-mockmockmockmockmockmock"
    write(f"{home}/.claude.json", {
        "hasCompletedOnboarding": True, "theme": "dark", "numStartups": 5,
        "lastOnboardingVersion": "9.9.9",
        "customApiKeyResponses": {"approved": [key[-20:]], "rejected": []},
        "projects": {project: {"hasTrustDialogAccepted": True,
                               "hasCompletedProjectOnboarding": True,
                               "allowedTools": []}},
    })
    # Later ones let a service of theirs decide about commands, else.
    write(f"{home}/.claude/settings.json",
          {"permissions": {"defaultMode": "default"}})
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": key,
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}


def codex(home, project, url):
    write(f"{home}/.codex/config.toml", f"""model = "mock-1"
model_provider = "mock"
approval_policy = "on-request"
sandbox_mode = "read-only"
check_for_update_on_startup = false
[model_providers.mock]
name = "mock"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "MOCK_KEY"
[projects."{project}"]
trust_level = "trusted"
""")
    return {"CODEX_HOME": f"{home}/.codex", "MOCK_KEY": "x"}


def gemini(home, _, url):
    write(f"{home}/.gemini/settings.json", {
        "security": {"auth": {"selectedType": "gemini-api-key"},
                     "folderTrust": {"enabled": False}},
        "general": {"disableAutoUpdate": True, "enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
        "model": {"name": "gemini-2.5-flash"},
        "telemetry": {"enabled": False},
    })
    return {"GEMINI_API_KEY": "x" * 39, "GOOGLE_GEMINI_BASE_URL": url,
            "GEMINI_CLI_NO_RELAUNCH": "true"}


def qwen(home, _, url):
    write(f"{home}/.qwen/settings.json", {
        "security": {"auth": {"selectedType": "openai"},
                     "folderTrust": {"enabled": False}},
        "general": {"disableAutoUpdate": True, "enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
        "model": {"name": "mock-1"},
    })
    return {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": url + "/v1",
            "OPENAI_MODEL": "mock-1"}


def opencode(home, _, url):
    write(f"{home}/.config/opencode/opencode.json", {
        "autoupdate": False, "model": "mock/mock-1",
        "small_model": "mock/mock-1",
        "permission": {"bash": "ask", "edit": "ask"},
        "provider": {"mock": {
            "npm": "@ai-sdk/openai-compatible", "name": "Mock",
            "options": {"baseURL": url + "/v1", "apiKey": "x"},
            "models": {"mock-1": {"name": "Mock One"}}}},
    })
    return {"OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1"}


def copilot(home, project, url):
    write(f"{home}/.copilot/config.json",
          {"trusted_folders": [project], "trustedFolders": [project]})
    return {"COPILOT_AUTO_UPDATE": "false", "COPILOT_OFFLINE": "true",
            "COPILOT_PROVIDER_BASE_URL": url + "/v1",
            "COPILOT_PROVIDER_TYPE": "openai",
            "COPILOT_PROVIDER_API_KEY": "x", "COPILOT_MODEL": "mock-1"}


def pi(home, _, url):
    write(f"{home}/.pi/agent/models.json", {"providers": {"mock": {
        "baseUrl": url + "/v1", "apiKey": "x", "api": "openai-completions",
        "models": [{"id": "mock-1", "name": "Mock", "reasoning": False,
                    "input": ["text"], "contextWindow": 100000,
                    "maxTokens": 4000}]}}})
    write(f"{home}/.pi/agent/settings.json",
          {"defaultProvider": "mock", "defaultModel": "mock-1"})
    return {"PI_OFFLINE": "1", "PI_SKIP_VERSION_CHECK": "1"}


SETTINGS = {"claude": claude, "codex": codex, "gemini": gemini, "qwen": qwen,
            "opencode": opencode, "copilot": copilot, "pi": pi}
