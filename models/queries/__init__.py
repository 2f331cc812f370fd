"""Named questions to the tables, one module a noun; pages and the API read through these only.

Every function takes a session first and gives rows or a `Page` of them; none changes anything.

| Module | Answers |
|---|---|
| `page` | `Page`, and how a long list is cut by key instead of by offset |
| `inbox` | the tasks a person may do; one task with its instance; how many wait |
| `proposals` | proposals by state and proposer; one by number; drafts of a person |
| `rfcs` | requests for change; by number, of a proposal, of a release |
| `releases` | releases by state; by number; the duties people did |
| `reviews` | reviews, lessons, and the lessons about services and CIs |
| `instances` | instances by process, subject, state; what one waits for |
| `findings` | findings of a subject, runs of the check, open findings |
| `authorizations` | authorizations with their votes, and waivers, of a subject |
| `schedule` | schedule entries that touch a time, service or CI |
| `library` | media, their checks, and build evidence |
| `record` | audit events by subject, chain, person, tag and time; whole chains |
| `people` | people with their roles; by e-mail; notices |
| `organization` | the organization, services, CIs, relations, resources, windows, policies |
| `definitions` | deployed versions, the newest of each key |
| `incidents` | jobs that failed for good; live jobs of an instance |
| `subjects` | what a proposal, RFC, release or review is called, by kind and id or number |
"""
