"""Every change of state is one function here: validate, authorize, change, record, enqueue, commit."""
