"""Every change of state is one function: validate, authorize, change, record, enqueue, commit."""
