"""Ask people in Microsoft Teams: cards out, clicks in."""
