package endtoend

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// pooler stands before PostgreSQL and gives all of its clients one session, as PgBouncer with pool_mode = transaction
// does to clients that take turns. It returns its own URL for the database.
func pooler(t *testing.T, databaseURL string) string {
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	session, err := net.Dial("unix", filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432"))
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &pool{session: session}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.clients = append(p.clients, client)
			p.mu.Unlock()
			running.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		_ = session.Close()
		p.mu.Lock()
		for _, client := range p.clients {
			_ = client.Close()
		}
		p.mu.Unlock()
		running.Wait()
	})
	return "postgres://ehpcbot@" + listener.Addr().String() + u.Path + "?sslmode=disable"
}

type pool struct {
	session net.Conn

	mu      sync.Mutex // one client at a time
	clients []net.Conn
	hello   []byte // what the server says to a new client
}

// message reads a message of PostgreSQL's protocol; the first one of a client has no type.
func message(r io.Reader, first bool) ([]byte, error) {
	head := make([]byte, 5)
	if first {
		head = head[:4]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[len(head)-4:])-4)
	_, err := io.ReadFull(r, body)
	return append(head, body...), err
}

// turn sends a client's message, and returns what the server answers up to where it is ready for the next.
func (p *pool) turn(sent []byte) (answer []byte, err error) {
	if _, err := p.session.Write(sent); err != nil {
		return nil, err
	}
	for {
		m, err := message(p.session, false)
		if err != nil {
			return nil, err
		}
		answer = append(answer, m...)
		if m[0] == 'Z' {
			return answer, nil
		}
	}
}

func (p *pool) serve(client net.Conn) {
	defer client.Close()
	var sent []byte
	for first := true; ; first = false {
		m, err := message(client, first)
		if err != nil || m[0] == 'X' {
			return
		}
		if sent = append(sent, m...); !first && m[0] != 'Q' && m[0] != 'S' {
			continue // more follows before an answer is waited for
		}
		p.mu.Lock()
		answer := p.hello
		if !first || answer == nil {
			answer, err = p.turn(sent)
		}
		if first {
			p.hello = answer
		}
		p.mu.Unlock()
		if _, failed := client.Write(answer); err != nil || failed != nil {
			return
		}
		sent = nil
	}
}
