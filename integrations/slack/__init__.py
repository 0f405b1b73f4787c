"""Ask people in Slack: cards out, clicks in."""
