"""PagerDuty: people are paged about what is risky, and may decide from the incident."""
